// Package agent answers the system calls of containers that another OCI
// runtime has made: those for which the container's seccomp rules say
// SCMP_ACT_NOTIFY, with this agent's socket as the rules' listenerPath.
//
//	runc ── connects to listenerPath ──▶ Agent
//	        containerProcessState + the listener (SCM_RIGHTS)
//	                                       │ which profile? (annotations)
//	                                       ▼
//	container ── notifications ──▶ a supervisor of its own (runtime.Adopt)
//
// Each process of a container has its own listener, and gets its own
// supervisor. So the agent itself holds nothing: it may end and start again
// without a container noticing.
package agent
