// Package testcri is a container runtime that needs nothing of the kernel: no
// namespaces, no cgroups, no mounts, no privileges. It exists so that a kubelet
// can be tested where real runtimes cannot work. It isolates nothing.
//
//	kubelet ── CRI v1 over a unix socket ── Runtime ─┬─ sandbox: a record on disk
//	                                                 └─ container: a child process
//
// What a container is here:
//
//   - Its image is a name. Every image exists. The command is looked up and run
//     on the host's file system; without one, it sleeps until it is told to end.
//   - It has a folder, $CONTAINER_ROOT, which is also its working directory.
//     What would be mounted at /PATH is a symbolic link at $CONTAINER_ROOT/PATH.
//     So a pod finds its token at var/run/secrets/kubernetes.io/serviceaccount.
//   - It has a session of its own; its processes are those of the session, which
//     end when the first one does.
//   - It has the host's network, and says that its pod's address is the host's.
//   - User and group are set when the runtime is root; capabilities, limits,
//     seccomp, sysctls and the rest of a security context are ignored.
//
// Records are kept on disk, so that sandboxes and finished containers are known
// to the next runtime. Running containers end with the one that started them: if
// it could not end them, the next does, and says exit code 137.
package testcri
