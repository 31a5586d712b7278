//! `NO_PROXY`: the hosts to reach directly.

use std::net::IpAddr;

/// Whether `list`, a value of `NO_PROXY`, names this host. Commas or blanks separate its entries:
/// `*`; a name, with or without a leading dot or `*.`, which includes its subdomains; an IP
/// address; a network such as `10.0.0.0/8`. A name or an address may end in `:port` and then names
/// that port only. Other entries name nothing.
pub(crate) fn names(list: &str, host: &str, port: u16) -> bool {
    let host = bare(host);
    let ip = host.parse::<IpAddr>().ok();
    list.split(|c: char| c == ',' || c.is_whitespace())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(entry, host, ip, port))
}

/// Whether the host is this machine: `localhost`, 127.0.0.0/8, `::1`.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = bare(host);
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Removes the dot at a name's end, or the brackets around an address.
fn bare(host: &str) -> &str {
    let host = host.strip_suffix('.').unwrap_or(host);
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host)
}

fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Some((network, bits)) = entry.split_once('/') {
        let network = bare(network).parse::<IpAddr>();
        return network
            .ok()
            .zip(bits.parse().ok())
            .is_some_and(|(network, bits)| {
                ip.is_some_and(|ip| is_inside(ip.to_canonical(), network.to_canonical(), bits))
            });
    }
    let (name, only_port) = split_port(entry);
    if only_port.is_some_and(|only| only != port) {
        return false;
    }
    let name = bare(name);
    match (ip, name.parse::<IpAddr>()) {
        (Some(ip), Ok(other)) => ip.to_canonical() == other.to_canonical(),
        // A name and an address never match: a suffix of an address is not a domain.
        (Some(_), Err(_)) | (None, Ok(_)) => false,
        (None, Err(_)) => {
            let name = name.strip_prefix('*').unwrap_or(name);
            is_suffix(name.strip_prefix('.').unwrap_or(name), host)
        }
    }
}

/// Splits `name:port` or `[address]:port`. An IPv6 address without brackets has no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let parts = entry.rsplit_once(':').and_then(|(name, port)| {
        let has_port = !name.contains(':') || name.ends_with(']');
        has_port.then_some((name, port.parse().ok()?))
    });
    parts.map_or((entry, None), |(name, port)| (name, Some(port)))
}

/// Whether `host` is `name` or a subdomain of it.
fn is_suffix(name: &str, host: &str) -> bool {
    let Some(start) = host.len().checked_sub(name.len()) else {
        return false;
    };
    let is_end = host
        .get(start..)
        .is_some_and(|end| !name.is_empty() && end.eq_ignore_ascii_case(name));
    is_end && (start == 0 || host.get(..start).is_some_and(|front| front.ends_with('.')))
}

/// Whether both addresses agree in their first `bits` bits.
fn is_inside(ip: IpAddr, network: IpAddr, bits: u32) -> bool {
    let shifted = |all: u128, width: u32| {
        // Drops the bits behind the prefix; /0 drops all of them.
        width
            .checked_sub(bits)
            .map(|rest| all.checked_shr(rest).unwrap_or_default())
    };
    let (a, b) = match (ip, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (
            shifted(u128::from(a.to_bits()), 32),
            shifted(u128::from(b.to_bits()), 32),
        ),
        (IpAddr::V6(a), IpAddr::V6(b)) => (shifted(a.to_bits(), 128), shifted(b.to_bits(), 128)),
        _ => return false,
    };
    a.is_some() && a == b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_name_hosts_as_curl_go_and_python_read_them() {
        for (list, host, port, named) in [
            ("", "example.com", 443, false),
            ("*", "example.com", 443, true),
            ("example.com", "example.com", 443, true),
            ("example.com", "sub.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            (".example.com", "sub.example.com", 443, true),
            (".example.com", "example.com", 443, true),
            ("*.example.com", "sub.example.com", 443, true),
            ("sub.example.com", "example.com", 443, false),
            ("EXAMPLE.com", "Example.COM", 443, true),
            ("example.com.", "example.com", 443, true),
            ("example.com", "example.com.", 443, true),
            ("localhost, 127.0.0.1", "127.0.0.1", 80, true),
            ("127.0.0.1 ,localhost", "127.0.0.1", 80, true),
            ("a b", "b", 80, true),
            (",, ,", "b", 80, false),
            (".", "b", 80, false),
            ("*.", "b", 80, false),
            ("example.com:443", "example.com", 443, true),
            ("example.com:443", "example.com", 80, false),
            ("example.com:x", "example.com", 80, false),
            ("10.0.0.1:8080", "10.0.0.1", 8080, true),
            ("10.0.0.1:8080", "10.0.0.1", 80, false),
            ("[fd00::1]:8080", "[fd00::1]", 8080, true),
            ("[fd00::1]:8080", "[fd00::1]", 80, false),
            ("fd00::1", "[fd00::1]", 80, true),
            ("fd00:0:0::1", "[fd00::1]", 80, true),
            ("fd00::2", "[fd00::1]", 80, false),
            ("10.0.0.0/8", "10.200.3.4", 80, true),
            ("10.0.0.0/8", "11.0.0.1", 80, false),
            ("10.1.2.3/8", "10.200.3.4", 80, true),
            ("0.0.0.0/0", "11.0.0.1", 80, true),
            ("10.0.0.1/32", "10.0.0.1", 80, true),
            ("10.0.0.1/33", "10.0.0.1", 80, false),
            ("10.0.0.0/x", "10.0.0.1", 80, false),
            ("10.0.0.0/8", "10.example.com", 80, false),
            ("0.0.0.0/0", "[fd00::1]", 80, false),
            ("fd00::/8", "[fd12::1]", 80, true),
            ("fd00::/8", "[fe12::1]", 80, false),
            ("::/0", "[fe12::1]", 80, true),
            ("::1/128", "[::1]", 80, true),
            ("10.0.0.1", "[::ffff:10.0.0.1]", 80, true),
            ("0.0.1", "10.0.0.1", 80, false),
        ] {
            assert_eq!(names(list, host, port), named, "{list:?} {host} {port}");
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for host in [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "127.0.0.1",
            "127.9.9.9",
            "[::1]",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "localhost.example.com",
            "128.0.0.1",
            "[::2]",
            "127.0.0.1.nip.io",
            "0.0.0.0",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
