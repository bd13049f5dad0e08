package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/textfile"
)

func profileCommand() *cli.Command {
	return &cli.Command{
		Name:  "profile",
		Usage: "list, show and check what programs can be told",
		Subcommands: []*cli.Command{
			{Name: "list", Usage: "list the built-in profiles", Action: listProfiles},
			{
				Name: "show", Usage: "print a profile", ArgsUsage: "NAME|FILE", Action: showProfile,
				Flags: []cli.Flag{&cli.BoolFlag{
					Name:  "merged",
					Usage: "with all that it extends merged in, as the shim sees it",
				}},
			},
			{
				Name: "check", Usage: "check profiles, and print each mistake with its place", ArgsUsage: "FILE...", Action: checkProfiles,
				Description: "Prints FILE:LINE:COLUMN, what is wrong and what would be right.\nThe exit status is 1 when there was a mistake.",
			},
			{Name: "schema", Usage: "print the JSON schema of profiles, for editors", Action: printSchema},
		},
	}
}

func listProfiles(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	t := newTable(c.App.Writer)
	for _, name := range fakefs.Builtins() {
		profile, err := builtinProfile(name)
		if err != nil {
			return err
		}
		t.row(name, firstLine(profile.Description))
	}
	return t.flush()
}

func showProfile(c *cli.Context) error {
	if c.NArg() != 1 {
		return fmt.Errorf("profile show takes one profile: %s, or a file", strings.Join(fakefs.Builtins(), ", "))
	}
	name := c.Args().First()
	if !c.Bool("merged") {
		text, err := fakefs.Builtin(name)
		if errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(name, "/.") {
			text, err = textfile.Read(name, fakefs.ProfileLimit)
		}
		if err == nil {
			_, err = c.App.Writer.Write(text)
			return err
		}
		// Load says what names there are.
	}
	profile, err := fakefs.Load(fakefs.LoadOptions{Profiles: []string{name}})
	if err != nil {
		return err
	}
	text, err := profile.Marshal()
	if err != nil {
		return err
	}
	_, err = c.App.Writer.Write(text)
	return err
}

// errMistakes ends `profile check` when the mistakes were printed already.
var errMistakes = &statusError{status: 1}

func checkProfiles(c *cli.Context) error {
	if !c.Args().Present() {
		return errors.New("profile check takes one file or more")
	}
	mistakes := false
	for _, file := range c.Args().Slice() {
		if err := checkProfile(file); err != nil {
			mistakes = true
			fmt.Fprintln(c.App.ErrWriter, err)
			continue
		}
		fmt.Fprintf(c.App.Writer, "%s: ok\n", file)
	}
	if mistakes {
		return errMistakes
	}
	return nil
}

// checkProfile loads a file as a run would, and makes of it what a run would.
func checkProfile(file string) error {
	if !strings.Contains(file, "/") {
		file = "./" + file // never the name of a built-in profile
	}
	profile, err := fakefs.Load(fakefs.LoadOptions{Profiles: []string{file}})
	if err != nil {
		return err
	}
	_, err = tell(profile)
	return err
}

func printSchema(c *cli.Context) error {
	if err := noArguments(c); err != nil {
		return err
	}
	_, err := c.App.Writer.Write(append(bytes.TrimSpace(fakefs.Schema), '\n'))
	return err
}

// builtinProfile decodes a built-in profile as it was written, nothing merged in.
func builtinProfile(name string) (*fakefs.Profile, error) {
	text, err := fakefs.Builtin(name)
	if err != nil {
		return nil, err
	}
	return fakefs.Parse(name+".yaml", text)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
