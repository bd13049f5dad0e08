# bash completion for shimrun: source it, or put it where bash-completion looks.
#
# What is asked is the shimrun in PATH and nothing that was typed, and with
# SHIMRUN_COMPLETE it runs nothing.

_shimrun() {
	local cur=${COMP_WORDS[COMP_CWORD]} rest=${COMP_LINE:0:COMP_POINT} words=() starts=() word line i
	# COMP_WORDS is cut at each "=" and ":" too; a word is what stands between blanks.
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i)) && [[ $rest == [!$' \t']* && ${COMP_WORDS[i - 1]}$word == *[=:]* ]]; then
			words[${#words[@]} - 1]+=$word
		else
			words+=("$word") starts+=("$i")
		fi
		rest=${rest#"${rest%%[!$' \t']*}"}
		rest=${rest#"$word"}
	done
	[[ $cur != [=:] ]] || cur=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:command\ *)
			# From here on it is COMMAND's own line.
			i=${line#* }
			if ((${#words[@]} - 1 > i)); then
				_shimrun_command "${starts[i]}"
				return
			fi
			_shimrun_add -c
			;;
		:file) _shimrun_add -f ;;
		"$cur"*) COMPREPLY+=("$line") ;;
		esac
	done < <(SHIMRUN_COMPLETE=1 command shimrun "${words[@]:1}" --generate-bash-completion 2>/dev/null)
}

# _shimrun_add FLAG adds what compgen has for the word.
_shimrun_add() {
	local line
	compopt -o filenames 2>/dev/null
	while IFS= read -r line; do
		COMPREPLY+=("$line")
	done < <(compgen "$1" -- "$cur")
}

# _shimrun_command N completes the line from its Nth word on.
_shimrun_command() {
	local offset
	for offset in _comp_command_offset _command_offset; do # of bash-completion
		if declare -F "$offset" >/dev/null; then
			"$offset" "$1"
			return
		fi
	done
	# Without it, by the function that is registered for the command.
	local command=${COMP_WORDS[$1]} rest=$COMP_LINE i
	if [[ $(complete -p -- "$command" 2>/dev/null || complete -p -- "${command##*/}" 2>/dev/null) =~ \ -F\ ([^ ]+)\  ]]; then
		for ((i = 0; i < $1; i++)); do
			rest=${rest#"${rest%%[!$' \t']*}"}
			rest=${rest#"${COMP_WORDS[i]}"}
		done
		rest=${rest#"${rest%%[!$' \t']*}"}
		COMP_POINT=$((COMP_POINT - ${#COMP_LINE} + ${#rest})) COMP_LINE=$rest
		COMP_WORDS=("${COMP_WORDS[@]:$1}") COMP_CWORD=$((COMP_CWORD - $1))
		"${BASH_REMATCH[1]}" "$command" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
		return
	fi
	_shimrun_add -f
}

complete -F _shimrun shimrun
