#compdef shimrun
# zsh completion for shimrun: put it as _shimrun into a folder of $fpath.

_shimrun() {
	local line
	local -a candidates
	for line in ${(f)"$(SHIMRUN_COMPLETE=1 $words[1] "${(@)words[2,CURRENT]}" --generate-bash-completion 2>/dev/null)"}; do
		case $line in
		(:command\ *)
			# From here on it is COMMAND's own line.
			if (( CURRENT > ${line#* } + 1 )); then
				shift ${line#* } words
				(( CURRENT -= ${line#* } ))
				_normal
				return
			fi
			_command_names -e
			;;
		(:file) _files ;;
		(*) candidates+=("$line") ;;
		esac
	done
	compadd -a candidates
}

compdef _shimrun shimrun
[[ $funcstack[1] != _shimrun ]] || _shimrun "$@"
