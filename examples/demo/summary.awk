# One line for each folder that test/cadvisor's probe asked cAdvisor about.
# The probe prints indented JSON, a key a line.
/^  "rootFs"/ { inside = 1 }
/^  "filesystems"/ { inside = 0 }
!inside { next }
{ value = $0; sub(/^[^:]*: "?/, "", value); sub(/"?,?$/, "", value) }
/"dir":/ { dir = value }
/"device":/ { device = value }
/"capacity":/ { print dir " is on " device ", " value " bytes" }
/"error":/ { print dir ": " value }
