//! The story of the demo: a morning in a small web shop, in scenes. In each the local server does
//! one thing that servers do.

use std::time::Duration;

use capture_server::{Cut, Fault};
use hoglet_native::{Error, Event, Uuid};
use serde_json::{Map, Value, json};

/// The flag of the story.
pub(crate) const FLAG: &str = "one-page-checkout";

/// A part of the story.
pub(crate) struct Scene {
    pub(crate) title: &'static str,
    /// What the local server does.
    pub(crate) about: &'static str,
    pub(crate) fault: Fault,
    pub(crate) acts: Vec<Act>,
}

/// What happens in a scene; at its end everything is sent.
pub(crate) enum Act {
    Capture(Happening),
    /// The shop asks whether somebody, who has this plan, gets the new checkout.
    Ask {
        who: &'static str,
        plan: &'static str,
    },
    /// What was captured so far is sent, and the story goes on without waiting.
    Send,
}

/// Somebody did something.
pub(crate) struct Happening {
    pub(crate) name: &'static str,
    pub(crate) who: &'static str,
    /// What is printed beside it.
    pub(crate) note: &'static str,
    properties: Vec<(&'static str, Value)>,
    repeats: bool,
    /// It has the flags that were last read for whoever did it.
    pub(crate) has_flags: bool,
}

impl Happening {
    /// The event; `before` is the uuid of the one captured before it.
    ///
    /// # Errors
    /// When a property cannot be written as JSON.
    pub(crate) fn event(&self, before: Option<Uuid>) -> Result<Event, Error> {
        let mut event = Event::new(self.name, self.who);
        event.insert_prop("source", "hoglet demo")?;
        for (key, value) in &self.properties {
            event.insert_prop(key, value)?;
        }
        if let Some(before) = before
            && self.repeats
        {
            event.set_uuid(before);
        }
        Ok(event)
    }
}

/// The whole story.
pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = vec![opening(), mistakes(), overload(), partial_retry()];
    scenes.extend([drops(), slowness(), cut(), flag()]);
    scenes
}

/// The local server's flags, in the form of its file.
pub(crate) fn flags() -> Map<String, Value> {
    let is_pro = json!({"properties": [{"key": "plan", "value": "pro"}]});
    let flag = json!({"conditions": [is_pro], "payloads": {"true": {"steps": 1}}});
    Map::from_iter([(FLAG.to_owned(), flag)])
}

fn opening() -> Scene {
    Scene {
        title: "The shop opens",
        about: "The server works as it should.",
        fault: Fault::honest(),
        acts: vec![
            view("ada", "/"),
            view("ben", "/"),
            view("ada", "/socks"),
            act("ada", "signup", "plan free", &[("plan", json!("free"))]),
            view("ben", "/hats"),
            add("ben", "red hat", 1_900),
            view("cleo", "/"),
        ],
    }
}

fn mistakes() -> Scene {
    // One byte of it is enough to be over 900 KiB with the others.
    let photo = "x".repeat(1 << 20);
    let mut again = happening("dan", "signup", "the event before, once more");
    again.repeats = true;
    Scene {
        title: "The shop makes mistakes",
        about: "Events that the server would lose are refused at once, with the reason.",
        fault: Fault::honest(),
        acts: vec![
            act("ada", "", "an event without a name", &[]),
            act("", "purchase", "nobody's purchase", &[]),
            act(
                "cleo",
                "photo_uploaded",
                "1 MiB of photo",
                &[("photo", json!(photo))],
            ),
            act("dan", "signup", "plan pro", &[("plan", json!("pro"))]),
            Act::Capture(again),
        ],
    }
}

fn overload() -> Scene {
    Scene {
        title: "Everybody comes at once",
        about: "The server is overloaded: it answers 503 and asks to wait for a second.",
        fault: Fault::status(503).retry_after("1"),
        acts: vec![
            view("cleo", "/hats"),
            view("dan", "/hats"),
            add("cleo", "blue hat", 2_100),
            view("dan", "/scarves"),
            act("ben", "checkout_started", "1 item", &[("items", json!(1))]),
            buy("ben", 1_900),
        ],
    }
}

fn partial_retry() -> Scene {
    let (ok, retry) = (("ok", ""), ("retry", "not_persisted"));
    Scene {
        title: "Half a success",
        about: "The server stores four events and asks for the other two again.",
        fault: Fault::verdicts(&[ok, retry, ok, ok, retry, ok]),
        acts: vec![
            view("ada", "/scarves"),
            add("ada", "long scarf", 2_500),
            view("cleo", "/checkout"),
            act(
                "cleo",
                "coupon_used",
                "FIRST10",
                &[("coupon", json!("FIRST10"))],
            ),
            buy("cleo", 1_890),
            view("dan", "/about"),
        ],
    }
}

fn drops() -> Scene {
    let (ok, drop) = (("ok", ""), ("drop", "billing_limit_exceeded"));
    Scene {
        title: "Too much of a good thing",
        about: "The server drops two events for good, and says why.",
        fault: Fault::verdicts(&[ok, ok, drop, ok, drop, ok]),
        acts: vec![
            view("dan", "/socks"),
            add("dan", "wool socks", 900),
            view("ben", "/orders"),
            act("ada", "checkout_started", "1 item", &[("items", json!(1))]),
            view("ada", "/checkout"),
            buy("ada", 2_500),
        ],
    }
}

fn slowness() -> Scene {
    Scene {
        title: "A long think",
        about: "The server takes 1.5 seconds to answer. Nobody in the shop waits for it.",
        fault: Fault::delay(Duration::from_millis(1_500)),
        acts: vec![
            view("cleo", "/orders"),
            view("dan", "/checkout"),
            buy("dan", 900),
            Act::Send,
            view("ben", "/socks"),
            add("ben", "wool socks", 900),
            act("ada", "review_written", "5 stars", &[("stars", json!(5))]),
        ],
    }
}

fn cut() -> Scene {
    Scene {
        title: "The cable is cut",
        about: "The server stores the events, but its answer is lost on the way.",
        fault: Fault::cut(Cut::BeforeAnswer),
        acts: vec![
            act("ben", "checkout_started", "1 item", &[("items", json!(1))]),
            buy("ben", 900),
            view("cleo", "/hats"),
            act("dan", "newsletter_left", "too many mails", &[]),
            view("ada", "/bye"),
        ],
    }
}

fn flag() -> Scene {
    let checkout = |who| {
        let mut checkout = happening(who, "checkout_started", "with the flags in force");
        checkout.has_flags = true;
        Act::Capture(checkout)
    };
    Scene {
        title: "A flag decides",
        about: "The new checkout is for the plan pro. A gateway answers 502 to the first question.",
        fault: Fault::honest(),
        acts: vec![
            Act::Ask {
                who: "dan",
                plan: "pro",
            },
            Act::Ask {
                who: "ada",
                plan: "free",
            },
            checkout("dan"),
            checkout("ada"),
        ],
    }
}

fn view(who: &'static str, page: &'static str) -> Act {
    let url = format!("https://shop.example{page}");
    act(who, "$pageview", page, &[("$current_url", json!(url))])
}

fn add(who: &'static str, item: &'static str, cents: u32) -> Act {
    let properties = [("item", json!(item)), ("price_cents", json!(cents))];
    act(who, "item_added", item, &properties)
}

fn buy(who: &'static str, cents: u32) -> Act {
    let properties = [("total_cents", json!(cents)), ("currency", json!("EUR"))];
    act(who, "purchase", "", &properties)
}

fn act(
    who: &'static str,
    name: &'static str,
    note: &'static str,
    properties: &[(&'static str, Value)],
) -> Act {
    let mut happening = happening(who, name, note);
    happening.properties = properties.to_vec();
    Act::Capture(happening)
}

fn happening(who: &'static str, name: &'static str, note: &'static str) -> Happening {
    Happening {
        name,
        who,
        note,
        properties: Vec::new(),
        repeats: false,
        has_flags: false,
    }
}
