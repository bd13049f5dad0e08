package acts

// The callers that acts are tried as. Every one of them but Root has less than
// the supervisor of the shim that it is under.
const (
	Root = "root"
	// Powerless is user 0 with no capability, as container engines make it.
	Powerless = "root-without-capabilities"
	Nobody    = "nobody"
	// OwnRoot is nobody, who has made a user namespace and is root in it.
	OwnRoot = "root-of-own-namespace"
	// Member has a supplementary group that some files are of.
	Member = "member-of-group"
)

// Callers are all of them.
var Callers = []string{Root, Powerless, Nobody, OwnRoot, Member}

// Ids of callers and owners.
const (
	NobodyID   = 65534
	StrangerID = 65533
	GroupID    = 65532
	MemberID   = 65531
)

// id is the user that a caller is outside of its namespace.
func id(caller string) int {
	switch caller {
	case Nobody, OwnRoot:
		return NobodyID
	case Member:
		return MemberID
	}
	return 0
}
