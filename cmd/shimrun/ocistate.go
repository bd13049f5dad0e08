package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

func ociStateCommand() *cli.Command {
	return &cli.Command{
		Name: "state", Usage: "print the state of a container", ArgsUsage: "ID",
		Action: func(c *cli.Context) error {
			if _, err := needID(c); err != nil {
				return err
			}
			made, err := openContainer(c)
			if err != nil {
				return err
			}
			return printJSON(c.App.Writer, list(c, made), "  ")
		},
	}
}

// list looks a container's status up.
func list(c *cli.Context, made *container.Container) container.Listing {
	if made.Mode != delegate.Mode {
		return made.Listing(made.Status())
	}
	status, pid := engineOf(c, made).Status()
	made.Init.PID = pid
	return made.Listing(status)
}

func printJSON(w io.Writer, value any, indent string) error {
	text, err := json.MarshalIndent(value, "", indent)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w, string(text))
	return err
}

func ociListCommand() *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list containers",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "table or json (`FORMAT`)"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print IDs only"},
		},
		Action: listContainers,
	}
}

func listContainers(c *cli.Context) error {
	if _, err := needArguments(c, 0, 0); err != nil {
		return err
	}
	if err := oneOf("--format", c.String("format"), []string{"table", "json"}); err != nil {
		return err
	}
	store, err := ociStore(c)
	if err != nil {
		return err
	}
	all, err := store.List()
	if err != nil && all == nil {
		return err
	}
	if err != nil { // of some, which does not keep the others from being listed
		fmt.Fprintln(c.App.ErrWriter, "shimrun:", err)
	}
	var rows []container.Listing
	for _, made := range all {
		row := list(c, made)
		row.Owner = ownerName(made.UID)
		rows = append(rows, row)
	}
	switch {
	case c.Bool("quiet"):
		for _, row := range rows {
			fmt.Fprintln(c.App.Writer, row.ID)
		}
		return nil
	case c.String("format") == "json":
		return json.NewEncoder(c.App.Writer).Encode(rows)
	}
	w := tabwriter.NewWriter(c.App.Writer, 12, 1, 3, ' ', 0)
	fmt.Fprint(w, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for _, row := range rows {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", row.ID, row.PID, row.Status, row.Bundle,
			row.Created.Format(time.RFC3339Nano), row.Owner)
	}
	return w.Flush()
}

func ownerName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return u.Username
	}
	return "#" + strconv.Itoa(uid)
}

func ociSpecCommand() *cli.Command {
	return &cli.Command{
		Name: "spec", Usage: "write a config.json to begin with",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "the folder to write it to (`DIR`)"},
			&cli.BoolFlag{Name: "rootless", Usage: "not supported: mode builtin takes no user namespace"},
		},
		Action: writeSpec,
	}
}

func writeSpec(c *cli.Context) error {
	if _, err := needArguments(c, 0, 0); err != nil {
		return err
	}
	if c.Bool("rootless") {
		return unsupported("spec --rootless", "it takes a user namespace")
	}
	if dir := c.String("bundle"); dir != "" {
		if err := os.Chdir(dir); err != nil {
			return err
		}
	}
	return writeExample()
}
