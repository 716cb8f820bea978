//! What is accepted, what is refused, and by which name.

use proto::Code;
use proto::link::engine::{Prompt, Role};

use super::{Parsed, chat, completion};
use crate::writer::Form;

fn chat(rest: &str) -> Result<Parsed, (Code, Option<String>)> {
    let body =
        format!("{{\"model\":\"demo\",\"messages\":[{{\"role\":\"user\",\"content\":\"hi\"}}]{rest}}}");
    chat::parse(body.as_bytes()).map_err(|denial| (denial.code, denial.param))
}

fn with_message(message: &str) -> Result<proto::link::engine::Message, (Code, Option<String>)> {
    let body = format!("{{\"model\":\"demo\",\"messages\":[{message}]}}");
    match chat::parse(body.as_bytes()) {
        Ok(Parsed { prompt: Prompt::Chat { mut messages, .. }, .. }) => Ok(messages.remove(0)),
        Ok(_) => panic!("a chat is a chat"),
        Err(denial) => Err((denial.code, denial.param)),
    }
}

fn refused(outcome: Result<Parsed, (Code, Option<String>)>) -> (Code, String) {
    let (code, param) = outcome.unwrap_err();
    (code, param.unwrap_or_default())
}

#[test]
fn every_supported_field_arrives() {
    let parsed = chat(
        ",\"temperature\":0.5,\"top_p\":0.9,\"top_k\":40,\"min_p\":0.05,\"repetition_penalty\":1.1,\"frequency_penalty\":-1,\
         \"presence_penalty\":2,\"seed\":-1,\"stop\":[\"a\",\"b\"],\"max_tokens\":7,\"stream\":true,\
         \"stream_options\":{\"include_usage\":true}",
    )
    .unwrap();
    let sampling = &parsed.sampling;
    assert_eq!((sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p), (0.5, 0.9, 40, 0.05));
    assert_eq!(
        (sampling.repetition_penalty, sampling.frequency_penalty, sampling.presence_penalty),
        (1.1, -1.0, 2.0)
    );
    assert_eq!((sampling.seed, sampling.stop.clone()), (u64::MAX, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!((parsed.output_tokens, parsed.stream, parsed.include_usage), (Some(7), true, true));
    assert_eq!(chat(",\"max_completion_tokens\":3").unwrap().output_tokens, Some(3));
    assert_eq!(chat(",\"stop\":\"x\"").unwrap().sampling.stop, ["x"]);
}

#[test]
fn without_a_seed_each_request_has_its_own() {
    assert_ne!(chat("").unwrap().sampling.seed, chat("").unwrap().sampling.seed);
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (field, value) in [
        ("n", "2"),
        ("n", "16384"),
        ("logprobs", "true"),
        ("top_logprobs", "3"),
        ("logit_bias", "{\"5\":1}"),
        ("response_format", "{\"type\":\"json_object\"}"),
        ("response_format", "{\"type\":\"json_schema\",\"json_schema\":{}}"),
        ("modalities", "[\"text\",\"audio\"]"),
        ("audio", "{}"),
        ("parallel_tool_calls", "false"),
        ("tool_choice", "\"required\""),
        ("tool_choice", "{\"type\":\"function\",\"function\":{\"name\":\"a\"}}"),
        ("functions", "[{}]"),
        ("reasoning_effort", "\"high\""),
        ("web_search_options", "{}"),
        ("store", "true"),
        ("guided_json", "{}"),
        ("anything", "1"),
    ] {
        let found = refused(chat(&format!(",\"{field}\":{value}")));
        assert_eq!(found, (Code::UnsupportedParameter, field.to_owned()), "{field} {value}");
    }
}

#[test]
fn what_changes_nothing_is_accepted() {
    chat(
        ",\"user\":\"me\",\"metadata\":{\"a\":\"b\"},\"store\":false,\"n\":1,\"logprobs\":false,\"logit_bias\":{},\
         \"response_format\":{ \"type\" : \"text\" },\"tool_choice\":\"auto\",\"parallel_tool_calls\":true,\"seed\":null,\
         \"service_tier\":\"auto\",\"audio\":null,\"tools\":[],\"safety_identifier\":\"x\",\"temperature\":null",
    )
    .unwrap();
}

#[test]
fn a_wrong_type_or_range_is_refused_by_name() {
    for (field, value) in [
        ("temperature", "\"1\""),
        ("temperature", "2.1"),
        ("temperature", "-0.1"),
        ("top_p", "1.5"),
        ("top_k", "-1"),
        ("top_k", "1.5"),
        ("min_p", "2"),
        ("repetition_penalty", "0"),
        ("frequency_penalty", "3"),
        ("seed", "1.5"),
        ("seed", "99999999999999999999"),
        ("stop", "[\"a\",\"b\",\"c\",\"d\",\"e\"]"),
        ("stop", "[\"\"]"),
        ("stop", "5"),
        ("max_tokens", "-1"),
        ("max_tokens", "\"5\""),
        ("max_tokens", "5000000000"),
        ("stream", "1"),
        ("stream_options", "{}"),
        ("tools", "{}"),
    ] {
        let found = refused(chat(&format!(",\"{field}\":{value}")));
        assert_eq!(found, (Code::InvalidRequest, field.to_owned()), "{field} {value}");
    }
    assert_eq!(refused(chat(",\"max_tokens\":1,\"max_completion_tokens\":2")).0, Code::InvalidRequest);
}

#[test]
fn messages_are_checked_one_by_one() {
    let message = with_message("{\"role\":\"developer\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":\"b\"}]}").unwrap();
    assert_eq!((message.role, message.content.as_str()), (Role::System, "a\nb"));
    let call = "[{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"{}\"}}]";
    let message = with_message(&format!(
        "{{\"role\":\"assistant\",\"content\":null,\"tool_calls\":{call},\"refusal\":null}}"
    ))
    .unwrap();
    assert_eq!((message.content.as_str(), message.tool_calls.as_deref()), ("", Some(call)));
    let message = with_message("{\"role\":\"tool\",\"content\":\"3\",\"tool_call_id\":\"c1\"}").unwrap();
    assert_eq!((message.role, message.tool_call_id.as_deref()), (Role::Tool, Some("c1")));
    for (text, code, param) in [
        ("1", Code::InvalidRequest, "messages[0]"),
        ("{}", Code::InvalidRequest, "messages[0].role"),
        ("{\"role\":\"root\",\"content\":\"\"}", Code::InvalidRequest, "messages[0].role"),
        ("{\"role\":\"function\",\"content\":\"\"}", Code::UnsupportedParameter, "messages[0].role"),
        ("{\"role\":\"user\"}", Code::InvalidRequest, "messages[0].content"),
        ("{\"role\":\"user\",\"content\":5}", Code::InvalidRequest, "messages[0].content"),
        (
            "{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}",
            Code::UnsupportedParameter,
            "messages[0].content[0]",
        ),
        ("{\"role\":\"user\",\"content\":[5]}", Code::InvalidRequest, "messages[0].content[0]"),
        (
            "{\"role\":\"user\",\"content\":\"\",\"tool_calls\":[]}",
            Code::UnsupportedParameter,
            "messages[0].tool_calls",
        ),
        (
            "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{}]}",
            Code::InvalidRequest,
            "messages[0].tool_calls[0].id",
        ),
        (
            "{\"role\":\"user\",\"content\":\"\",\"cache_control\":{}}",
            Code::UnsupportedParameter,
            "messages[0].cache_control",
        ),
    ] {
        assert_eq!(with_message(text).unwrap_err(), (code, Some(param.to_owned())), "{text}");
    }
}

#[test]
fn tools_reach_the_template_as_the_client_wrote_them() {
    let tools =
        "[ {\"type\":\"function\", \"function\":{\"name\":\"add\",\"parameters\":{\"z\":1,\"a\":2}}} ]";
    let parsed = chat(&format!(",\"tools\":{tools}")).unwrap();
    assert!(matches!(parsed.form, Form::Chat(Some(_))));
    let Prompt::Chat { tools: offered, .. } = parsed.prompt else { panic!("a chat is a chat") };
    assert_eq!(offered.as_deref(), Some(tools));
    let none = chat(&format!(",\"tools\":{tools},\"tool_choice\":\"none\"")).unwrap();
    assert!(matches!((none.prompt, none.form), (Prompt::Chat { tools: None, .. }, Form::Chat(None))));
    for (tool, code, param) in [
        ("{\"type\":\"web_search\"}", Code::UnsupportedParameter, "tools[0].type"),
        ("{\"type\":\"function\"}", Code::InvalidRequest, "tools[0].function"),
        (
            "{\"type\":\"function\",\"function\":{\"name\":\"a b\"}}",
            Code::InvalidRequest,
            "tools[0].function.name",
        ),
        (
            "{\"type\":\"function\",\"function\":{\"name\":\"a\",\"strict\":true}}",
            Code::UnsupportedParameter,
            "tools[0].function.strict",
        ),
    ] {
        assert_eq!(refused(chat(&format!(",\"tools\":[{tool}]"))), (code, param.to_owned()), "{tool}");
    }
}

#[test]
fn a_completion_takes_one_text() {
    let parse = |rest: &str| {
        completion::parse(format!("{{\"model\":\"demo\",{rest}}}").as_bytes())
            .map_err(|denial| (denial.code, denial.param))
    };
    for prompt in ["\"hi\"", "[\"hi\"]"] {
        let parsed = parse(&format!("\"prompt\":{prompt}")).unwrap();
        assert_eq!((parsed.prompt, parsed.output_tokens), (Prompt::Text("hi".to_owned()), Some(16)));
    }
    for (rest, code, param) in [
        ("\"prompt\":[\"a\",\"b\"]", Code::UnsupportedParameter, "prompt"),
        ("\"prompt\":[1,2]", Code::UnsupportedParameter, "prompt"),
        ("\"prompt\":5", Code::InvalidRequest, "prompt"),
        ("\"max_tokens\":5", Code::InvalidRequest, "prompt"),
        ("\"prompt\":\"a\",\"best_of\":3", Code::UnsupportedParameter, "best_of"),
        ("\"prompt\":\"a\",\"echo\":true", Code::UnsupportedParameter, "echo"),
        ("\"prompt\":\"a\",\"logprobs\":1", Code::UnsupportedParameter, "logprobs"),
        ("\"prompt\":\"a\",\"messages\":[]", Code::UnsupportedParameter, "messages"),
    ] {
        assert_eq!(refused(parse(rest)), (code, param.to_owned()), "{rest}");
    }
}

#[test]
fn what_is_not_one_json_object_is_refused_without_quoting_it() {
    let deep = format!("{{\"model\":{}1{}}}", "[".repeat(100), "]".repeat(100));
    let deeper = "[".repeat(200_000);
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\"secret\"",
        "{\"model\":\"secret\",\"model\":\"secret\"}",
        "{\"a\":{\"b\":1,\"\\u0062\":2}}",
        "{\"model\":secret}",
        "{} {}",
        "{\"model\":\"a\u{0}\"}",
        deep.as_str(),
        deeper.as_str(),
        "{\"model\":1e999}",
    ] {
        for denial in
            [chat::parse(body.as_bytes()).unwrap_err(), completion::parse(body.as_bytes()).unwrap_err()]
        {
            assert_eq!(denial.code, Code::InvalidRequest);
            assert!(!denial.message.contains("secret"), "{}", denial.message);
        }
    }
    assert_eq!(chat::parse(b"{\"model\":\"\xff\"}").unwrap_err().code, Code::InvalidRequest);
    assert_eq!(chat::parse(b"{\"model\":\"\\ud800\"}").unwrap_err().code, Code::InvalidRequest);
}
