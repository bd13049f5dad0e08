# fish completion for shimrun: put it into ~/.config/fish/completions.

function __shimrun_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in (SHIMRUN_COMPLETE=1 $words[1] $words[2..] "$current" --generate-bash-completion 2>/dev/null)
        switch $line
            case ':command *'
                # From here on it is COMMAND's own line.
                set -l first (math (string replace ':command ' '' -- $line) + 1)
                complete -C (string join ' ' -- (string escape -- $words[$first..]) "$current")
            case :file
                __fish_complete_path "$current"
            case '*'
                echo $line
        end
    end
end

complete -c shimrun -f -a '(__shimrun_complete)'
