//! Every field that a record may have, and who may see it.
//!
//! A record is one line of JSON without spaces, at most 60 KiB, with its fields in the order of this
//! table: first [`HEADER`], then `data` with the event's own fields. An absent value is `null`.
//!
//! | class | meaning |
//! | --- | --- |
//! | `public` | may leave the host in exports and proofs |
//! | `internal` | for the operator: names of principals, hosts' details |
//! | `hmac` | a keyed digest of content; the content is recognised by who holds the record key |
//! | `never` | content that must not be in a record, in any form but its `hmac` field |
//!
//! A `never` field is listed so that its absence is a decision. The encoder writes a field only after
//! finding it in this table under another class, and no [`proto::event`] type has a place for one.

/// Who may see a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// Anybody.
    Public,
    /// The operator.
    Internal,
    /// A keyed digest; anybody may see it, who holds the key can recognise the content.
    Hmac,
    /// Nobody: it is not recorded.
    Never,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name in the JSON.
    pub name: &'static str,
    /// Who may see it.
    pub class: Class,
}

/// The fields that every record has, before `data`.
pub const HEADER: &[Field] = &[
    public("v"),
    public("index"),
    public("time_us"),
    public("nonce"),
    public("producer"),
    public("seq"),
    public("event"),
];

/// The fields of one event.
#[derive(Clone, Copy, Debug)]
pub struct EventSchema {
    /// The event's name.
    pub name: &'static str,
    /// Its fields, in order.
    pub fields: &'static [Field],
}

/// Every event.
pub const EVENTS: &[EventSchema] = &[
    EventSchema { name: "lifecycle", fields: &[public("phase"), public("version")] },
    EventSchema {
        name: "package_examined",
        fields: &[public("package"), public("signer"), public("refused"), public("purpose")],
    },
    EventSchema {
        name: "process_started",
        fields: &[public("process"), public("worker"), public("package"), internal("controls")],
    },
    EventSchema {
        name: "process_ended",
        fields: &[public("process"), public("worker"), public("cause"), public("status"), public("blame")],
    },
    EventSchema {
        name: "request_admitted",
        fields: &[
            public("request"),
            internal("principal"),
            public("model"),
            public("package"),
            public("route"),
            hmac("prompt"),
            public("prompt_bytes"),
            public("stream"),
            never("prompt_text"),
            never("api_key"),
        ],
    },
    EventSchema {
        name: "request_ended",
        fields: &[
            public("request"),
            public("failed"),
            public("finish"),
            hmac("output"),
            public("output_bytes"),
            public("prompt_tokens"),
            public("output_tokens"),
            public("first_token_us"),
            public("wall_us"),
            never("output_text"),
        ],
    },
    EventSchema {
        name: "request_denied",
        fields: &[
            internal("principal"),
            public("route"),
            public("code"),
            never("api_key"),
            never("prompt_text"),
        ],
    },
    EventSchema {
        name: "attempt_denied",
        fields: &[
            public("process"),
            public("worker"),
            public("channel"),
            internal("target"),
            public("count"),
        ],
    },
    EventSchema { name: "link_violated", fields: &[public("process"), public("worker"), public("rule")] },
    EventSchema {
        name: "ledger_fault",
        fields: &[
            public("fault"),
            public("process"),
            public("refused_from"),
            public("refused_through"),
            internal("why"),
        ],
    },
];

/// The fields of an event by its name.
pub fn event(name: &str) -> Option<&'static EventSchema> {
    EVENTS.iter().find(|event| event.name == name)
}

/// The class of a field of an event's `data`; nothing when there is no such field.
pub fn class(event_name: &str, field: &str) -> Option<Class> {
    event(event_name)?.fields.iter().find(|known| known.name == field).map(|known| known.class)
}

const fn public(name: &'static str) -> Field {
    Field { name, class: Class::Public }
}

const fn internal(name: &'static str) -> Field {
    Field { name, class: Class::Internal }
}

const fn hmac(name: &'static str) -> Field {
    Field { name, class: Class::Hmac }
}

const fn never(name: &'static str) -> Field {
    Field { name, class: Class::Never }
}
