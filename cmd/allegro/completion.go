package main

import "github.com/urfave/cli/v3"

// showCompletion makes the library's command for shell completion one like the
// others.
func showCompletion(c *cli.Command) {
	c.Hidden = false
	c.Usage = "print a script that lets a shell complete this program's commands and flags"
	c.Description = "bash: put this into ~/.bashrc: source <(allegro completion bash), with the package bash-completion\n" +
		"zsh:  put this into ~/.zshrc:  source <(allegro completion zsh)\n" +
		"fish: allegro completion fish > ~/.config/fish/completions/allegro.fish\n" +
		"pwsh: allegro completion pwsh > allegro.ps1, and put this into $PROFILE: . PATH/TO/allegro.ps1"
	c.OnUsageError = usageError
	c.Action = needsCommand
	for _, shell := range c.Commands {
		shell.Usage = "print the script for " + shell.Name
		shell.HideHelpCommand = true
		shell.OnUsageError = usageError
	}
}
