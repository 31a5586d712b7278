use serde_json::json;

use super::*;

/// Decides for ann of the company acme, who pays.
fn check(rule: &Rule) -> Decision {
    let (groups, person) = (
        json!({"company": "acme", "team": 7}),
        json!({"plan": "pro"}),
    );
    let group_properties = json!({"company": {"size": 40}});
    let subject = Subject {
        distinct_id: "ann",
        groups: groups.as_object().unwrap(),
        person: person.as_object().unwrap(),
        group_properties: &serde_json::from_value(group_properties).unwrap(),
    };
    rule.decide("nav", subject)
}

fn sets(sets: Value) -> Rule {
    Rule {
        sets: serde_json::from_value(sets).unwrap(),
        ..Rule::default()
    }
}

fn matched(set: usize) -> Decision {
    Decision::Match {
        set,
        variant: None,
        forced: false,
    }
}

#[test]
fn the_hash_is_posthogs() {
    for (key, identity, salt, expected) in [
        ("beta", "ann", "", 0.010_855_306_117_767_267),
        ("beta", "ann", "variant", 0.719_634_067_204_150_9),
        ("nav", "ann", "", 0.591_332_092_000_129_9),
        ("nav", "ann", "variant", 0.274_739_605_007_286_6),
        ("pricing", "acme", "", 0.940_329_776_803_613_4),
        ("beta", "\u{e9}", "", 0.984_588_638_630_254_5),
    ] {
        let off = (hash(key, identity, salt) - expected).abs();
        assert!(off < 1e-12, "{key} {identity} {salt}: {off}");
    }
}

#[test]
fn all_conditions_of_one_set_must_be_met() {
    let pays = json!({"key": "plan", "value": "pro"});
    let large = json!({"key": "size", "operator": "gt", "value": 100, "group": "company"});
    let small = json!({"key": "size", "operator": "lt", "value": 100, "group": "company"});
    let set = |properties: &[&Value]| json!({ "properties": properties });
    for (given, expected) in [
        (json!([set(&[&pays, &small])]), matched(0)),
        (json!([set(&[&pays, &large])]), Decision::NoMatch),
        (json!([set(&[&large]), set(&[&pays])]), matched(1)),
        (json!([{}]), matched(0)),
        (json!([]), Decision::NoMatch),
    ] {
        assert_eq!(check(&sets(given.clone())), expected, "{given}");
    }
}

#[test]
fn a_rollout_lets_in_those_whose_hash_is_not_above_it() {
    let nobody =
        json!([{"properties": [{"key": "plan", "value": "free"}], "rollout_percentage": 100}]);
    for (given, expected) in [
        (
            json!([{"rollout_percentage": 59}]),
            Decision::OutOfRollout { set: 0 },
        ),
        (json!([{"rollout_percentage": 60}]), matched(0)),
        (
            json!([{"rollout_percentage": 0}, {"rollout_percentage": 100}]),
            matched(1),
        ),
        (nobody, Decision::NoMatch),
    ] {
        assert_eq!(check(&sets(given.clone())), expected, "{given}");
    }
}

#[test]
fn a_variant_goes_by_hash_unless_its_set_names_one() {
    let variants = |percent: [u8; 2]| {
        let [a, b] = percent.map(|percent| json!(percent));
        json!([{"key": "a", "rollout_percentage": a}, {"key": "b", "rollout_percentage": b}])
    };
    for (percent, set, expected, is_forced) in [
        ([28, 72], json!({}), Some("a"), false),
        ([27, 73], json!({}), Some("b"), false),
        ([10, 10], json!({}), None, false),
        ([28, 72], json!({"variant": "b"}), Some("b"), true),
    ] {
        let mut rule = sets(json!([set]));
        rule.variants = serde_json::from_value(variants(percent)).unwrap();
        let expected = Decision::Match {
            set: 0,
            variant: expected.map(str::to_owned),
            forced: is_forced,
        };
        assert_eq!(check(&rule), expected, "{percent:?}");
    }
}

#[test]
fn a_flag_of_groups_goes_by_the_groups_key_and_properties() {
    let small = json!({"key": "size", "operator": "lt", "value": 100});
    let small = json!([{"properties": [small]}]);
    // The hash of ann is 0.59, that of acme 0.19.
    let half = json!([{"rollout_percentage": 50}]);
    for (group, given, expected) in [
        (None, &half, Decision::OutOfRollout { set: 0 }),
        (Some("company"), &half, matched(0)),
        (Some("planet"), &half, Decision::NoGroup),
        (Some("company"), &small, matched(0)),
        (Some("team"), &small, Decision::NoMatch),
        (None, &small, Decision::NoMatch),
    ] {
        let mut rule = sets(given.clone());
        rule.group = group.map(str::to_owned);
        assert_eq!(check(&rule), expected, "{group:?} {given}");
    }
}

#[test]
fn the_first_200_characters_of_an_identity_are_hashed() {
    let rule = sets(json!([{"rollout_percentage": 50}]));
    let decide = |distinct_id: &str| {
        let subject = Subject {
            distinct_id,
            groups: &Map::new(),
            person: &Map::new(),
            group_properties: &BTreeMap::new(),
        };
        rule.decide("nav", subject)
    };
    let cut = "\u{e9}".repeat(200);
    for tail in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        assert_eq!(decide(&format!("{cut}{tail}")), decide(&cut));
    }
}
