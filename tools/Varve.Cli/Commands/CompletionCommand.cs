using System.CommandLine;

namespace Varve.Cli.Commands;

/// <summary><c>varve completion SHELL</c>: scripts that ask the program itself, by its directive <c>[suggest:POSITION]</c>.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # varve's completion for bash: eval "$(varve completion bash)"
        _varve() {
            local line=${COMP_LINE:0:COMP_POINT} word=${COMP_WORDS[COMP_CWORD]} suggestion
            COMPREPLY=()
            while IFS= read -r suggestion; do
                [[ $suggestion == "$word"* ]] && COMPREPLY+=("$suggestion")
            done < <(varve "[suggest:${#line}]" "$line" 2>/dev/null)
        }
        complete -o default -F _varve varve

        """;

    private const string Zsh = """
        #compdef varve
        # varve's completion for zsh: eval "$(varve completion zsh)", or this text as the file _varve in a folder of $fpath
        _varve() {
            local line=${LBUFFER}
            local -a suggestions
            suggestions=("${(@f)$(varve "[suggest:${#line}]" "$line" 2>/dev/null)}")
            suggestions=(${suggestions:#})
            if (( ${#suggestions} )); then compadd -- "${suggestions[@]}"; else _files; fi
        }
        if [[ $zsh_eval_context == *eval* || $zsh_eval_context == *file* ]]; then compdef _varve varve; else _varve "$@"; fi

        """;

    private const string Fish = """
        # varve's completion for fish: varve completion fish | source
        function __varve_complete
            set -l line (commandline -cp)
            varve "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c varve -a "(__varve_complete)"

        """;

    private const string PowerShell = """
        # varve's completion for PowerShell: varve completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName varve -ScriptBlock {
            param($word, $command, $position)
            $line = $command.ToString().PadRight($position).Substring(0, $position)
            varve "[suggest:$position]" "$line" 2>$null | Where-Object { $_.StartsWith($word) } | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
            }
        }

        """;

    public static VarveCommand Create(Output.Terminal terminal)
    {
        var shell = new Argument<string>("shell")
        {
            Description = "bash, zsh, fish or pwsh (PowerShell).",
            HelpName = "bash|zsh|fish|pwsh",
        };
        shell.AcceptOnlyFromAmong("bash", "zsh", "fish", "pwsh");
        var command = new VarveCommand(
            "completion",
            "Print a script that makes a shell complete the command line of varve: commands, options, formats, names of maps.",
            "varve completion bash >> ~/.bashrc",
            "varve completion zsh > ~/.zfunc/_varve",
            "varve completion fish > ~/.config/fish/completions/varve.fish",
            "varve completion pwsh >> $PROFILE")
        {
            shell,
        };
        command.Run((parsed, _) =>
        {
            terminal.Writer.Write(parsed.GetRequiredValue(shell) switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                "fish" => Fish,
                _ => PowerShell,
            });
            return ExitCode.Ok;
        });
        return command;
    }
}
