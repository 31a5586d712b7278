//! Section 1, "Sentinel properties".

use expect_test::expect;

use crate::check;

/// `$cookieless_mode`→`cookieless_mode`, `$ignore_sent_at`→`disable_skew_correction`,
/// `$process_person_profile`→`process_person_profile`, `$product_tour_id`→`product_tour_id`.
#[test]
fn sentinels_leave_the_properties_and_arrive_in_the_options() {
    check(
        "flush_at=1
         0  capture signup plan=pro $cookieless_mode=true $ignore_sent_at=false $process_person_profile=true $product_tour_id=t-1
         0  poll
         0  show signup properties options",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={"plan":"pro"} options={"cookieless_mode":true,"disable_skew_correction":false,"process_person_profile":true,"product_tour_id":"t-1"}"#]],
    );
}

/// The same from JSON text, however the name is spelled.
#[test]
fn sentinels_are_found_in_json_text() {
    check(
        "flush_at=1
         0  capture signup json={\"a\":1,\"$cookieless_mode\":true,\"b\":2,\"\\u0024process_person_profile\" : \"1\",\"c\":3}
         0  poll
         0  show signup properties options",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={"a":1,"b":2,"c":3} options={"cookieless_mode":true,"process_person_profile":true}"#]],
    );
}

/// Bool coercion: the strings true/1/false/0 (trimmed, any case), however JSON text escapes them.
#[test]
fn words_are_read_as_booleans() {
    check(
        "flush_at=4
         0  capture a $cookieless_mode=\" TRUE \" $ignore_sent_at=\"1\" $process_person_profile=\"True\"
         0  capture b $cookieless_mode=\"fAlse\" $ignore_sent_at=\"0\" $process_person_profile=\"\\tfalse\\n\"
         0  capture c json={\"$cookieless_mode\":\" TRUE \",\"$ignore_sent_at\":\"1\",\"$process_person_profile\":\"\\n\\u0074RUE\"}
         0  capture d json={\"$cookieless_mode\":\"0\",\"$ignore_sent_at\":\"FALSE\",\"$process_person_profile\":\"\\u0046alse\\t \"}
         0  poll
         0  show a options
         0  show b options
         0  show c options
         0  show d options",
        expect![[r#"
            0 send #1 batch[a,b,c,d]
            0 options={"cookieless_mode":true,"disable_skew_correction":true,"process_person_profile":true}
            0 options={"cookieless_mode":false,"disable_skew_correction":false,"process_person_profile":false}
            0 options={"cookieless_mode":true,"disable_skew_correction":true,"process_person_profile":true}
            0 options={"cookieless_mode":false,"disable_skew_correction":false,"process_person_profile":false}"#]],
    );
}

/// Bool coercion: any number (non-zero is true).
#[test]
fn numbers_are_read_as_booleans() {
    check(
        "flush_at=2
         0  capture a $cookieless_mode=0 $ignore_sent_at=-7 $process_person_profile=0.5
         0  capture b json={\"$cookieless_mode\":-0.0e5,\"$ignore_sent_at\":1e-9,\"$process_person_profile\":10}
         0  poll
         0  show a options
         0  show b options",
        expect![[r#"
            0 send #1 batch[a,b]
            0 options={"cookieless_mode":false,"disable_skew_correction":true,"process_person_profile":true}
            0 options={"cookieless_mode":false,"disable_skew_correction":true,"process_person_profile":true}"#]],
    );
}

/// Anything else: omit.
#[test]
fn what_cannot_be_read_is_left_out_everywhere() {
    check(
        "flush_at=2
         0  capture a $cookieless_mode=yes $ignore_sent_at=null $product_tour_id=5
         0  capture b json={\"$cookieless_mode\":[true],\"$ignore_sent_at\":{},\"$process_person_profile\":\"\",\"$product_tour_id\":null}
         0  poll
         0  show a properties options
         0  show b properties options",
        expect![[r#"
            0 send #1 batch[a,b]
            0 properties={} options={}
            0 properties={} options={}"#]],
    );
}

/// An option given as such is sent, and wins over the sentinel property.
#[test]
fn options_win_over_sentinels() {
    check(
        "flush_at=1
         0  capture signup cookieless_mode=false disable_skew_correction=true process_person_profile=false product_tour_id=t-2 json={\"$cookieless_mode\":true,\"$product_tour_id\":\"t-1\"}
         0  poll
         0  show signup properties options",
        expect![[r#"
            0 send #1 batch[signup]
            0 properties={} options={"cookieless_mode":false,"disable_skew_correction":true,"process_person_profile":false,"product_tour_id":"t-2"}"#]],
    );
}

/// `$session_id`→`session_id`, `$window_id`→`window_id`, if strings; otherwise they are left out.
#[test]
fn session_and_window_are_lifted_if_they_are_strings() {
    check(
        "flush_at=3
         0  capture a $session_id=s-1 $window_id=w-1
         0  capture b json={\"x\":1,\"$session_id\":5,\"$window_id\":null}
         0  capture c session=s-2 $session_id=s-1 $window_id=7 window=w-2
         0  poll
         0  show a session_id window_id properties
         0  show b session_id window_id properties
         0  show c session_id window_id properties",
        expect![[r#"
            0 send #1 batch[a,b,c]
            0 session_id="s-1" window_id="w-1" properties={}
            0 session_id=none window_id=none properties={"x":1}
            0 session_id="s-2" window_id="w-2" properties={}"#]],
    );
}

/// `$lib` and `$lib_version` are removed.
#[test]
fn the_sdk_is_not_named_in_the_properties() {
    check(
        "flush_at=2
         0  capture a $lib=web plan=pro $lib_version=1
         0  capture b json={\"$lib\":\"web\",\"$lib_version\":\"1\"}
         0  poll
         0  show a properties
         0  show b properties",
        expect![[r#"
            0 send #1 batch[a,b]
            0 properties={"plan":"pro"}
            0 properties={}"#]],
    );
}
