//! The description of the API, held against what there is.

use std::collections::BTreeSet;

use ringback_delivery::MessageId;
use ringback_server::api::{self, Limits};
use ringback_server::credentials;
use ringback_wire::api::{MessageState, Scope};
use serde_json::Value;

use crate::server::Server;

fn description() -> Value {
    serde_json::from_str(&api::description(&Limits::default())).unwrap()
}

/// `GET /path`, for every operation of the document.
fn described(document: &Value) -> BTreeSet<String> {
    let operations = |(path, item): (&String, &Value)| {
        let methods: Vec<_> =
            item.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()).collect();
        methods.into_iter().map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    };
    document["paths"].as_object().unwrap().iter().flat_map(operations).collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let routes = api::all_routes().into_iter().filter(|route| route.path != "/metrics");
    let routes: BTreeSet<_> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    assert!(routes.len() > 30);
    assert_eq!(described(&description()), routes);
}

#[test]
fn the_segments_of_a_path_are_its_parameters() {
    let document = description();
    for (path, item) in document["paths"].as_object().unwrap() {
        let segments = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let segments: BTreeSet<_> = segments.collect();
        for (method, operation) in item.as_object().unwrap() {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let named: BTreeSet<_> = parameters
                .filter(|parameter| parameter["in"] == "path")
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            assert_eq!(named, segments, "{method} {path}");
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own_and_says_how_it_is_answered() {
    let document = description();
    let mut names = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{name} twice");
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
            assert!(statuses.iter().any(|status| status.starts_with('2')), "{method} {path}: {statuses:?}");
            let open = operation["security"] == serde_json::json!([{}]);
            assert_eq!(statuses.iter().any(|status| *status == "401"), !open, "{method} {path}");
        }
    }
}

#[test]
fn what_is_referred_to_is_there_and_nothing_links_into_our_code() {
    let document = description();
    let mut references = Vec::new();
    let mut texts = Vec::new();
    walk(&document, &mut |name, text| match name {
        "$ref" => references.push(text.to_owned()),
        "description" | "summary" => texts.push(text.to_owned()),
        _ => {}
    });
    assert!(references.len() > 100 && texts.len() > 100);
    for reference in references {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
    for text in texts {
        assert!(!text.contains("[`") && !text.contains("crate::"), "{text}");
        assert!(!text.contains("contract §") && !text.contains("(ours"), "{text}");
    }
}

/// Every text of an object's field, with the field's name.
fn walk(value: &Value, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) => see(name, text),
                    value => walk(value, see),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, see)),
        _ => {}
    }
}

#[test]
fn bounds_are_those_of_the_server() {
    let document = api::description(&Limits { page_most: 77, catch_up_most: 78, ..Limits::default() });
    let document: Value = serde_json::from_str(&document).unwrap();
    let most = |path: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let limit = parameters.iter().find(|parameter| parameter["name"] == "limit").unwrap();
        limit["schema"]["maximum"].as_u64()
    };
    assert_eq!(most("/api/ringback/v1/messages"), Some(77));
    assert_eq!(most("/api/ringback/v1/accounts/{account}/messages"), Some(78));
    let overlap =
        &document["components"]["schemas"]["SigningKeyRotateRequest"]["properties"]["overlapSeconds"];
    assert_eq!(overlap["maximum"].as_u64(), Some(Limits::default().signing_overlap_most.as_secs()));
    let schemas = &document["components"]["schemas"];
    let rotate = &schemas["CredentialPatch"]["oneOf"][0]["properties"]["rotate"]["properties"];
    assert_eq!(rotate["overlapSeconds"]["maximum"].as_u64(), Some(credentials::MAX_OVERLAP.as_secs()));
    let chosen = &schemas["CredentialCreateRequest"]["properties"];
    for (field, least) in [("name", 1), ("username", 1), ("password", credentials::SHORTEST_PASSWORD)] {
        assert_eq!(chosen[field]["minLength"], least, "{field}");
        assert_eq!(chosen[field]["maxLength"], credentials::LONGEST_TEXT, "{field}");
    }
}

#[test]
fn the_message_of_the_examples_is_one() {
    let document = description();
    let parameters = &document["paths"]["/api/ringback/v1/messages/{id}"]["get"]["parameters"];
    let id: MessageId = parameters[0]["example"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.account.to_string(), "0242078689-00001");
}

#[tokio::test]
async fn the_description_is_served_to_whoever_asks() {
    let server = Server::start().await;
    let answer = server.ask("GET", "/openapi.json").send().await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["openapi"], "3.1.0");
}

#[test]
fn words_are_described_as_they_are_written() {
    let document = description();
    let words = |name: &str| document["components"]["schemas"][name]["enum"].clone();
    assert_eq!(words("MessageState"), serde_json::json!(MessageState::ALL));
    assert_eq!(words("Scope"), serde_json::json!(Scope::ALL));
    assert!(words("LaneState").as_array().unwrap().contains(&"hold".into()));
}
