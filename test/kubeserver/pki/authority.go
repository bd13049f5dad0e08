package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// lifetime is long enough for any test, and short enough that nobody builds a
// real cluster on it.
const lifetime = 365 * 24 * time.Hour

// Pair names the two files of a certificate.
type Pair struct{ Cert, Key string }

// Authority signs the certificates of one directory.
type Authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Open loads the authority in dir, and makes it when there is none.
func Open(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &Authority{dir: dir}
	err := a.load()
	if errors.Is(err, fs.ErrNotExist) {
		err = a.create()
	}
	if err != nil {
		return nil, fmt.Errorf("certificate authority: %w", err)
	}
	return a, nil
}

// CA is the file that clients and servers trust.
func (a *Authority) CA() string { return a.pair("ca").Cert }

// CAKey is the file with the authority's key.
func (a *Authority) CAKey() string { return a.pair("ca").Key }

func (a *Authority) pair(name string) Pair {
	path := filepath.Join(a.dir, name)
	return Pair{Cert: path + ".crt", Key: path + ".key"}
}

func (a *Authority) load() error {
	der, err := readPEM(a.CA(), certBlock)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return fmt.Errorf("%s: %w", a.CA(), err)
	}
	a.key, err = readKey(a.CAKey())
	return err
}

func (a *Authority) create() error {
	template, err := newTemplate(pkix.Name{CommonName: "kubeserver-ca"})
	if err != nil {
		return err
	}
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage |= x509.KeyUsageCertSign
	if a.key, err = newKey(); err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	// The certificate comes last: it is what load looks for.
	if err := writeKey(a.CAKey(), a.key); err != nil {
		return err
	}
	return writePEM(a.CA(), certBlock, der, 0o644)
}

// Client signs for a user, as Kubernetes reads certificates: the common name is
// the user's, the organizations are the groups.
func (a *Authority) Client(name, user string, groups ...string) (Pair, error) {
	template, err := newTemplate(pkix.Name{CommonName: user, Organization: groups})
	if err != nil {
		return Pair{}, err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return a.sign(name, template)
}

// Server signs for a server that is reached by these names and addresses.
func (a *Authority) Server(name, commonName string, hosts ...string) (Pair, error) {
	template, err := newTemplate(pkix.Name{CommonName: commonName})
	if err != nil {
		return Pair{}, err
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return a.sign(name, template)
}

// SigningKey returns the files of a key pair without a certificate, public half
// first. It is made once: service account tokens are valid as long as it is.
func (a *Authority) SigningKey(name string) (Pair, error) {
	pair := Pair{Cert: filepath.Join(a.dir, name+".pub"), Key: filepath.Join(a.dir, name+".key")}
	key, err := readKey(pair.Key)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = newKey(); err == nil {
			err = writeKey(pair.Key, key)
		}
	}
	if err == nil {
		err = writePublic(pair.Cert, key.Public())
	}
	if err != nil {
		return Pair{}, fmt.Errorf("key of %s: %w", name, err)
	}
	return pair, nil
}

func (a *Authority) sign(name string, template *x509.Certificate) (Pair, error) {
	pair := a.pair(name)
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("certificate of %s: %w", name, err)
	}
	if err := writeKey(pair.Key, key); err != nil {
		return Pair{}, err
	}
	return pair, writePEM(pair.Cert, certBlock, der, 0o644)
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func newTemplate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		// The clocks of a sandbox and of its host need not agree.
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(lifetime),
		KeyUsage:  x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}, nil
}
