package fakefs

import (
	"slices"
	"strings"
	"sync"
)

// interfaces are the names below net/ipv4/conf and net/ipv6/conf that are
// served. "all" and "default" are no interfaces; eth0 is what containers and
// sandboxes call theirs.
var interfaces = []string{"all", "default", "lo", "eth0"}

// conf are the tables of what every interface has, by the directory that has a
// directory for each.
var conf = []struct {
	prefix string
	table  func() sysctls
}{
	{"net/ipv4/conf/", sync.OnceValue(ipv4Interface)},
	{"net/ipv6/conf/", sync.OnceValue(ipv6Interface)},
}

// interfaceSysctl finds the type of a sysctl that interfaces have.
func interfaceSysctl(path string) (sysctl, bool) {
	for _, c := range conf {
		rest, ok := strings.CutPrefix(path, c.prefix)
		if !ok {
			continue
		}
		name, key, _ := strings.Cut(rest, "/")
		if !slices.Contains(interfaces, name) {
			return sysctl{}, false
		}
		switch path {
		case "net/ipv4/conf/default/accept_source_route", "net/ipv6/conf/default/accept_dad":
			return integer(1), true
		}
		s, ok := c.table()[key]
		return s, ok
	}
	return sysctl{}, false
}

// interfaceSysctls are those of all interfaces.
func interfaceSysctls() sysctls {
	all := sysctls{}
	for _, c := range conf {
		for _, name := range interfaces {
			for key := range c.table() {
				path := c.prefix + name + "/" + key
				all[path], _ = interfaceSysctl(path)
			}
		}
	}
	return all
}

// ipv4Interface is devinet_sysctl of net/ipv4/devinet.c.
func ipv4Interface() sysctls {
	return sysctls{
		"accept_local":                       integer(0),
		"accept_redirects":                   integer(1),
		"accept_source_route":                integer(0),
		"arp_accept":                         integer(0),
		"arp_announce":                       integer(0),
		"arp_evict_nocarrier":                integer(1),
		"arp_filter":                         integer(0),
		"arp_ignore":                         integer(0),
		"arp_notify":                         integer(0),
		"bc_forwarding":                      integer(0),
		"bootp_relay":                        integer(0),
		"disable_policy":                     integer(0),
		"drop_gratuitous_arp":                integer(0),
		"drop_unicast_in_l2_multicast":       integer(0),
		"force_igmp_version":                 integer(0),
		"forwarding":                         integer(0),
		"igmpv2_unsolicited_report_interval": integer(10000),
		"igmpv3_unsolicited_report_interval": integer(1000),
		"ignore_routes_with_linkdown":        integer(0),
		"log_martians":                       integer(0),
		"mc_forwarding":                      integer(0).readOnly(),
		"medium_id":                          integer(0),
		"promote_secondaries":                integer(0),
		"proxy_arp":                          integer(0),
		"proxy_arp_pvlan":                    integer(0),
		"route_localnet":                     integer(0),
		"rp_filter":                          integer(0),
		"secure_redirects":                   integer(1),
		"send_redirects":                     integer(1),
		"shared_media":                       integer(1),
		"src_valid_mark":                     integer(0),
		"tag":                                integer(0),
	}
}

// ipv6Interface is addrconf_sysctl of net/ipv6/addrconf.c.
func ipv6Interface() sysctls {
	return sysctls{
		"accept_dad":                        integer(0),
		"accept_ra":                         integer(1),
		"accept_ra_defrtr":                  integer(1),
		"accept_ra_from_local":              integer(0),
		"accept_ra_min_hop_limit":           integer(1),
		"accept_ra_min_lft":                 integer(0),
		"accept_ra_mtu":                     integer(1),
		"accept_ra_pinfo":                   integer(1),
		"accept_ra_rt_info_max_plen":        integer(0),
		"accept_ra_rt_info_min_plen":        integer(0),
		"accept_ra_rtr_pref":                integer(1),
		"accept_redirects":                  integer(1),
		"accept_source_route":               integer(0),
		"accept_untracked_na":               integer(0).between(0, 2),
		"addr_gen_mode":                     unsigned(0).between(0, 3),
		"autoconf":                          integer(1),
		"dad_transmits":                     integer(1),
		"disable_ipv6":                      integer(0),
		"disable_policy":                    integer(0),
		"drop_unicast_in_l2_multicast":      integer(0),
		"drop_unsolicited_na":               integer(0),
		"enhanced_dad":                      integer(1),
		"force_forwarding":                  bit(0),
		"force_mld_version":                 integer(0),
		"force_tllao":                       integer(0),
		"forwarding":                        integer(0),
		"hop_limit":                         integer(64).between(1, 255),
		"ignore_routes_with_linkdown":       integer(0),
		"keep_addr_on_down":                 integer(0),
		"max_addresses":                     integer(16),
		"max_desync_factor":                 integer(600),
		"mc_forwarding":                     integer(0).readOnly(),
		"mldv1_unsolicited_report_interval": integer(10000).atLeast(0),
		"mldv2_unsolicited_report_interval": integer(1000).atLeast(0),
		"mtu":                               integer(1280).atLeast(1280),
		"ndisc_evict_nocarrier":             bit(1),
		"ndisc_notify":                      integer(0),
		"ndisc_tclass":                      integer(0).between(0, 255),
		"optimistic_dad":                    integer(0),
		"proxy_ndp":                         integer(0),
		"ra_defrtr_metric":                  unsigned(1024).atLeast(1),
		"ra_honor_pio_life":                 bit(0),
		"ra_honor_pio_pflag":                bit(0),
		"regen_max_retry":                   integer(3),
		"regen_min_advance":                 integer(2),
		"router_probe_interval":             seconds(60),
		"router_solicitation_delay":         seconds(1),
		"router_solicitation_interval":      seconds(4),
		"router_solicitation_max_interval":  seconds(3600),
		"router_solicitations":              integer(-1).atLeast(-1),
		"suppress_frag_ndisc":               integer(1),
		"temp_prefered_lft":                 integer(86400),
		"temp_valid_lft":                    integer(604800),
		"use_oif_addrs_only":                integer(0),
		"use_optimistic":                    integer(0),
		"use_tempaddr":                      integer(0),
	}
}
