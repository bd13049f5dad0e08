# bash completion for shimrun: source it, or put it where bash-completion looks.

_shimrun() {
	local cur prev words cword line
	if declare -F _init_completion >/dev/null; then
		_init_completion -n =: || return
	else
		words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]}
	fi
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:command\ *)
			# From here on it is COMMAND's own line.
			if ((cword > ${line#* })) && declare -F _command_offset >/dev/null; then
				_command_offset "${line#* }"
				return
			elif ((cword > ${line#* })); then
				COMPREPLY+=($(compgen -f -- "$cur"))
			else
				COMPREPLY+=($(compgen -c -- "$cur"))
			fi
			;;
		:file) COMPREPLY+=($(compgen -f -- "$cur")) ;;
		*) COMPREPLY+=($(compgen -W "$line" -- "$cur")) ;;
		esac
	done < <(SHIMRUN_COMPLETE=1 "${words[0]}" "${words[@]:1:cword}" --generate-bash-completion 2>/dev/null)
}

complete -o filenames -F _shimrun shimrun
