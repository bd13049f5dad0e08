#compdef shimrun
# zsh completion for shimrun: put it as _shimrun into a folder of $fpath.
#
# What is asked is the shimrun in PATH and nothing that was typed, and with
# SHIMRUN_COMPLETE it runs nothing.

_shimrun() {
	local line
	local -a lines candidates
	lines=(${(f)"$(SHIMRUN_COMPLETE=1 command shimrun "${(@)words[2,CURRENT]}" --generate-bash-completion 2>/dev/null)"})
	compset -P '--[^=]##=' # what follows is the flag's value
	for line in $lines; do
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
