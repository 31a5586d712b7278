//! The operating system, in the words of posthog-rs, so that charts group events of both SDKs
//! together.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// The word of posthog-rs for an unknown version.
const UNKNOWN: &str = "Unknown";

/// Linux distributions by the `ID` of their `os-release`. Any other is called `Linux`.
const DISTRIBUTIONS: [(&str, &str); 20] = [
    ("almalinux", "AlmaLinux"),
    ("alpine", "Alpine Linux"),
    ("amzn", "Amazon Linux AMI"),
    ("arch", "Arch Linux"),
    ("centos", "CentOS"),
    ("debian", "Debian"),
    ("fedora", "Fedora"),
    ("kali", "Kali Linux"),
    ("linuxmint", "Linux Mint"),
    ("manjaro", "Manjaro"),
    ("mariner", "Mariner"),
    ("nixos", "NixOS"),
    ("ol", "Oracle Linux"),
    ("opensuse-leap", "openSUSE"),
    ("opensuse-tumbleweed", "openSUSE"),
    ("raspbian", "Raspberry Pi OS"),
    ("rhel", "Red Hat Enterprise Linux"),
    ("rocky", "Rocky Linux"),
    ("sles", "SUSE Linux Enterprise Server"),
    ("ubuntu", "Ubuntu"),
];

/// An operating system and its version.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Os {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// This machine's operating system, read once.
pub(crate) fn this() -> &'static hoglet::Os<'static> {
    static READ: OnceLock<Os> = OnceLock::new();
    static THIS: OnceLock<hoglet::Os<'static>> = OnceLock::new();
    THIS.get_or_init(|| {
        let Os { name, version } = READ.get_or_init(|| read(std::env::consts::OS, Path::new("/")));
        hoglet::Os { name, version }
    })
}

/// The operating system of a machine whose files are below `root`.
fn read(kind: &str, root: &Path) -> Os {
    // An unreadable file counts as empty, so the version is unknown.
    let file = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let (name, found) = match kind {
        "linux" => linux(&file("etc/os-release")),
        "macos" => (
            "Mac OS",
            mac_version(&file("System/Library/CoreServices/SystemVersion.plist")),
        ),
        "windows" => ("Windows", None),
        "ios" => ("iOS", None),
        "android" => ("Android", None),
        "freebsd" => ("FreeBSD", None),
        "netbsd" => ("NetBSD", None),
        "openbsd" => ("OpenBSD", None),
        other => (other, None),
    };
    Os {
        name: name.to_owned(),
        version: found.map_or_else(|| UNKNOWN.to_owned(), |found| version(&found)),
    }
}

fn linux(release: &str) -> (&'static str, Option<String>) {
    let value = |key: &str| {
        let mut lines = release.lines().filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(name, _)| *name == key)?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    let id = value("ID").unwrap_or_default();
    let known = DISTRIBUTIONS.iter().find(|(known, _)| *known == id);
    let name = known.map_or("Linux", |(_, name)| name);
    (name, value("VERSION_ID"))
}

fn mac_version(plist: &str) -> Option<String> {
    let (_, after) = plist.split_once("<key>ProductVersion</key>")?;
    let (_, after) = after.split_once("<string>")?;
    let (version, _) = after.split_once("</string>")?;
    Some(version.trim().to_owned())
}

/// Pads one to three numbers to three (`22.04` becomes `22.4.0`). Other texts stay unchanged.
fn version(text: &str) -> String {
    let numbers: Option<Vec<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[major]) => format!("{major}.0.0"),
        Some(&[major, minor]) => format!("{major}.{minor}.0"),
        Some(&[major, minor, patch]) => format!("{major}.{minor}.{patch}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_named_as_posthog_rs_does() {
        for (release, name, wanted) in [
            ("ID=ubuntu\nVERSION_ID=\"24.04\"\n", "Ubuntu", "24.4.0"),
            ("VERSION_ID=\"12\"\nID=debian\n", "Debian", "12.0.0"),
            ("ID='alpine'\nVERSION_ID=3.20.3", "Alpine Linux", "3.20.3"),
            ("ID=arch\n", "Arch Linux", UNKNOWN),
            ("ID=other\nVERSION_ID=x1", "Linux", "x1"),
            ("NAME=x\nVERSION_ID=\n", "Linux", UNKNOWN),
            ("", "Linux", UNKNOWN),
        ] {
            let (found, version_id) = linux(release);
            let version = version_id.map_or_else(|| UNKNOWN.to_owned(), |id| version(&id));
            assert_eq!((found, version.as_str()), (name, wanted), "{release}");
        }
    }

    #[test]
    fn others_are_named_too() {
        let nowhere = Path::new("/no such folder");
        for (kind, name) in [
            ("macos", "Mac OS"),
            ("windows", "Windows"),
            ("plan9", "plan9"),
        ] {
            let os = read(kind, nowhere);
            assert_eq!((os.name.as_str(), os.version.as_str()), (name, UNKNOWN));
        }
        let plist = "<key>ProductVersion</key>\n\t<string>15.1</string>\n<key>x</key>";
        assert_eq!(mac_version(plist).as_deref(), Some("15.1"));
        assert!(!this().name.is_empty());
    }
}
