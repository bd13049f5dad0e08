package pki

import (
	"bytes"
	"crypto/x509"
	"os"
	"testing"
)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	a, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func parse(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	der, err := readPEM(path, certBlock)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestCertificatesVerify(t *testing.T) {
	a := open(t, t.TempDir())
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, a.CA()))

	pair, err := a.Server("server", "kube-apiserver", "localhost", "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "192.0.2.1"} {
		if _, err := parse(t, pair.Cert).Verify(x509.VerifyOptions{Roots: roots, DNSName: host}); err != nil {
			t.Errorf("as %s: %v", host, err)
		}
	}

	pair, err = a.Client("admin", "system:admin", "system:masters")
	if err != nil {
		t.Fatal(err)
	}
	cert := parse(t, pair.Cert)
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: usages}); err != nil {
		t.Error(err)
	}
	if cert.Subject.CommonName != "system:admin" || cert.Subject.Organization[0] != "system:masters" {
		t.Errorf("subject is %v", cert.Subject)
	}
}

func TestAuthorityAndSigningKeyStay(t *testing.T) {
	dir := t.TempDir()
	read := func() (all []byte) {
		a := open(t, dir)
		key, err := a.SigningKey("service-account")
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{a.CA(), a.CAKey(), key.Cert, key.Key} {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, data...)
		}
		return all
	}
	if first := read(); !bytes.Equal(first, read()) {
		t.Error("they are others at the second start")
	}
}

func TestBrokenAuthorityIsNotReplaced(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	if err := os.WriteFile(a.CA(), []byte("rubbish"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("an unreadable authority was taken")
	}
}
