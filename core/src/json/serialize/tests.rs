use std::collections::BTreeMap;
use std::string::String;
use std::vec::Vec;

use super::*;

fn written<T: Serialize + ?Sized>(value: &T) -> Result<String, SerializeError> {
    let mut buf = [0; 1024];
    let len = to_json(value, &mut buf)?;
    Ok(String::from_utf8(buf[..len].to_vec()).expect("UTF-8"))
}

#[derive(serde::Serialize)]
enum Shape {
    Unit,
    Newtype(u8),
    Tuple(char, bool),
    Struct { a: Option<i8>, b: [Number; 2] },
}

#[cfg(feature = "float")]
type Number = f32;
#[cfg(feature = "float")]
const NUMBERS: [Number; 2] = [0.1, f32::NAN];
#[cfg(not(feature = "float"))]
type Number = u64;
#[cfg(not(feature = "float"))]
const NUMBERS: [Number; 2] = [0, u64::MAX];

#[test]
fn every_shape_reads_as_serde_json_writes_it() {
    let shapes = [
        Shape::Unit,
        Shape::Newtype(7),
        Shape::Tuple('"', true),
        Shape::Struct {
            a: None,
            b: NUMBERS,
        },
    ];
    let map = BTreeMap::from([(-1, "a"), (12, "b\n")]);
    let nested = (shapes, map, (), "ü");
    assert_eq!(
        written(&nested).as_deref(),
        Ok(serde_json::to_string(&nested).expect("JSON").as_str())
    );
}

#[test]
fn what_other_serializers_panic_on_is_an_error() {
    struct Failing;
    impl Serialize for Failing {
        fn serialize<S: ser::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("no"))
        }
    }
    assert_eq!(written(&Failing), Err(SerializeError::Custom));
    assert_eq!(written(&1u128), Err(SerializeError::Unsupported("u128")));
    #[cfg(not(feature = "float"))]
    assert_eq!(written(&0.5), Err(SerializeError::Unsupported("f64")));
    assert_eq!(
        written(&BTreeMap::from([(Some(Vec::from([1])), 1)])),
        Err(SerializeError::Key)
    );
}

#[test]
fn a_map_without_its_keys_is_an_error() {
    use ser::{SerializeMap, Serializer};
    /// A map with a value that has no key, or with keys that have no values.
    struct Wrong(&'static [&'static str]);
    impl Serialize for Wrong {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut map = serializer.serialize_map(None)?;
            if self.0.is_empty() {
                map.serialize_value(&1)?;
            }
            for key in self.0 {
                map.serialize_key(key)?;
            }
            map.end()
        }
    }
    for keys in [&[][..], &["a"], &["a", "b"]] {
        assert_eq!(written(&Wrong(keys)), Err(SerializeError::Key), "{keys:?}");
    }
}

#[test]
fn a_key_that_changes_its_mind_is_an_error() {
    struct Key(core::cell::Cell<bool>);
    impl Serialize for Key {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if self.0.replace(true) {
                serializer.serialize_u8(1)
            } else {
                serializer.serialize_str("1")
            }
        }
    }
    struct Map;
    impl Serialize for Map {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map([(Key(core::cell::Cell::new(false)), 1)])
        }
    }
    assert_eq!(written(&Map), Err(SerializeError::Key));
}

/// What `serde_json` makes of its own values with the features that not every program has.
#[test]
fn private_structs_of_serde_json_are_known() {
    struct Private(&'static str);
    impl Serialize for Private {
        fn serialize<S: ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use ser::SerializeStruct as _;
            let mut fields = serializer.serialize_struct(self.0, 1)?;
            fields.serialize_field(self.0, "12.50")?;
            fields.end()
        }
    }
    let number = Private("$serde_json::private::Number");
    assert_eq!(written(&[number]).as_deref(), Ok("[12.50]"));
    let raw = Private("$serde_json::private::RawValue");
    let refused = SerializeError::Unsupported("serde_json's RawValue");
    assert_eq!(written(&raw), Err(refused));
}

#[test]
fn depth_is_bounded() {
    #[derive(serde::Serialize)]
    struct Endless<'a>(&'a [Endless<'a>]);
    let mut leaf = Vec::from([Endless(&[])]);
    for _ in 0..MAX_DEPTH {
        leaf = Vec::from([Endless(Vec::leak(leaf))]);
    }
    assert_eq!(written(&leaf), Err(SerializeError::TooDeep));
}
