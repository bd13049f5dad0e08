// Package pki makes the certificates of a cluster that lives on one machine:
// one authority, which signs for servers and for clients alike.
//
// The authority and the key of the service accounts are made once and kept,
// because tokens and copied kubeconfigs depend on them. Everything else is
// signed anew at each start, so that it always names the addresses of today.
package pki
