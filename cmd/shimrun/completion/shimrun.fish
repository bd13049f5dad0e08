# fish completion for shimrun: put it into ~/.config/fish/completions.
#
# What is asked is the shimrun in PATH and nothing that was typed, and with
# SHIMRUN_COMPLETE it runs nothing.

function __shimrun_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l flag (string match -r -- '^--[^=]+=' "$current") # what follows is its value
    for line in (SHIMRUN_COMPLETE=1 command shimrun $words[2..] "$current" --generate-bash-completion 2>/dev/null)
        switch $line
            case ':command *'
                # From here on it is COMMAND's own line.
                set -l first (math (string replace ':command ' '' -- $line) + 1)
                complete -C (string join ' ' -- (string escape -- $words[$first..]) "$current")
            case :file
                __fish_complete_path (string replace -- "$flag" '' "$current") | string replace -r '^' "$flag"
            case '*'
                echo "$flag$line"
        end
    end
end

complete -c shimrun -f -a '(__shimrun_complete)'
