package testservers

import (
	"fmt"
	"io"
	"os/exec"
)

// A reaper is a process that outlives the test binary for a moment, however
// that ends: it then ends the server that is left and removes its folder. It
// notices by the end of its input, the other side of which no other process
// has. Its signal is SIGQUIT, at which PostgreSQL gives its shared memory
// back, and SIGKILL after some seconds.
type reaper struct {
	process *exec.Cmd
	input   io.WriteCloser
}

// reaperScript reads the process that is to be watched, again and again.
const reaperScript = `
trap '' HUP INT QUIT TERM
pid=0
while read -r next; do pid=$next; done
for signal in QUIT 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 KILL 0; do
	test "$pid" -gt 0 && kill -s "$signal" "$pid" 2>/dev/null || break
	sleep 0.1
done
rm -rf "$1"
`

func newReaper(dir string) (*reaper, error) {
	cmd := exec.Command("/bin/sh", "-c", reaperScript, "reaper", dir) //nolint:gosec // our own script and folder
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &reaper{process: cmd, input: input}, nil
}

// watch makes the process with that id the one to end; 0 is none.
func (r *reaper) watch(pid int) error {
	_, err := fmt.Fprintln(r.input, pid)
	return err
}

// reap lets the reaper do its work now.
func (r *reaper) reap() error {
	if err := r.input.Close(); err != nil {
		return err
	}
	return r.process.Wait()
}
