//! What this room offers, as OpenAPI 3.1 says it: the table of routes, and what their handlers take and answer.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::Json;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::answers::JSON;
use super::describe::{Operation, Schemas};
use super::endpoints;
use super::error::Envelope;
use super::schema::RefName;
use super::table::{Access, Endpoint};
use crate::domain::{Owner, ShortName};

/// OpenAPI 3.1. What it says of one operation stands in its own metamodel.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(super) struct Document {
    openapi: &'static str,
    info: Map<String, Value>,
    paths: BTreeMap<String, Map<String, Value>>,
    components: Map<String, Value>,
}

/// `GET /api/openapi.json`
pub(super) async fn openapi() -> Json<&'static Document> {
    static DOCUMENT: LazyLock<Document> = LazyLock::new(|| document(&endpoints()));
    Json(&DOCUMENT)
}

fn document(endpoints: &[Endpoint]) -> Document {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    // What answers every method alike is there to say that nothing is.
    for endpoint in endpoints.iter().filter(|endpoint| endpoint.method != "*") {
        let path = endpoint.path.replace("{*", "{");
        let operation = operation(endpoint, &path, &mut schemas);
        let method = endpoint.method.to_ascii_lowercase();
        paths.entry(path).or_default().insert(method, operation);
    }
    // Every operation refers to it.
    Operation::new(&mut schemas).answers::<Envelope>(400, JSON, "");
    let info = json!({
        "title": "Glasshouse",
        "version": env!("CARGO_PKG_VERSION"),
        "summary": "A self-hosted home for interactive ML demos",
        "description": "The Hugging Face Hub's API, as far as its clients use it, and routes for operators.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    let components = json!({
        "securitySchemes": { "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of this server. Create one on the settings page.",
        } },
        "schemas": schemas.into_components(),
    });
    Document {
        openapi: "3.1.0",
        info: fields(info),
        paths,
        components: fields(components),
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn operation(endpoint: &Endpoint, path: &str, schemas: &mut Schemas) -> Value {
    let mut operation = Operation::new(schemas);
    (endpoint.describe)(&mut operation);
    let names = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let parameters = names.map(|name| {
        let schema = path_schema(path, name);
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let access = endpoint.access;
    let output = operation.finish(parameters.collect(), &access.refusals(path));
    let mut operation = json!({
        "operationId": operation_id(endpoint.method, path),
        "tags": [tag(path)],
        "summary": endpoint.summary,
        "description": access.sentence(),
        "security": access.security(),
    });
    if let Some(operation) = operation.as_object_mut() {
        operation.extend(output);
    }
    operation
}

/// `post_spaces_owner_name_restart`
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<_> = words.collect();
    format!("{}_{}", method.to_ascii_lowercase(), words.join("_"))
}

/// What it is about: the first part of the path that says so.
fn tag(path: &str) -> &str {
    let path = path.strip_prefix("/api").unwrap_or(path);
    let first = path.split('/').nth(1).unwrap_or_default();
    match first {
        first if first.starts_with('{') => "models",
        "openapi.json" | "agent-harnesses" | "telemetry" | "validate-yaml" => "clients",
        "whoami-v2" | "settings" | "quota" | "usage" => "account",
        ".well-known" => "oauth",
        first => first,
    }
}

fn path_schema(path: &str, name: &str) -> Value {
    let mut generator = schemars::SchemaGenerator::default();
    match name {
        "oid" | "hash" => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        "repo" => json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" }),
        "number" => json!({ "type": "integer", "minimum": 1 }),
        "owner" | "user" => Owner::json_schema(&mut generator).to_value(),
        "name" if path.contains("{owner}") => ShortName::json_schema(&mut generator).to_value(),
        "name" if path.contains("/organizations/") => Owner::json_schema(&mut generator).to_value(),
        "branch" => RefName::json_schema(&mut generator).to_value(),
        "revision" => json!({ "type": "string", "minLength": 1, "examples": ["main"] }),
        _ => json!({ "type": "string", "minLength": 1 }),
    }
}

// === impl Access ===

impl Access {
    /// Whether anybody may call it, and is told more or less.
    fn is_open(self) -> bool {
        matches!(
            self,
            Self::Anyone | Self::Filtered | Self::Visitor | Self::Reader | Self::Git | Self::Signed
        )
    }

    fn security(self) -> Value {
        match self {
            // What is signed is the address.
            Self::Signed => json!([]),
            access if access.is_open() => json!([{}, { "token": [] }]),
            _ => json!([{ "token": [] }]),
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Anyone => "Open to everyone.",
            Self::Filtered => "Open to everyone; the response contains what the caller may see.",
            Self::Account => "Requires an account.",
            Self::Operator => "Requires an operator.",
            Self::OrganizationAdmin => "Requires an admin of the organisation.",
            Self::Visitor => "Requires permission to visit the Space.",
            Self::Reader | Self::Git => "Requires permission to read the repository.",
            Self::Signed => "Requires a signed address.",
            Self::Writer => "Requires permission to change the repository.",
        }
    }

    /// With what it may be refused.
    fn refusals(self, path: &str) -> Vec<(&'static str, &'static str)> {
        let mut refusals = vec![
            ("4XX", "The request is not valid; the body says why."),
            (
                "5XX",
                "The server could not answer the request; the body says why.",
            ),
        ];
        if self != Self::Signed {
            refusals.push(("401", "The token is missing or not valid."));
        }
        if !self.is_open() || self == Self::Signed {
            refusals.push(("403", "The account or its token may not do this."));
        }
        if path.contains("{owner}/{name}") && self != Self::Anyone && self != Self::Operator {
            refusals.push((
                "404",
                "The repository does not exist, or the caller may not see it.",
            ));
            refusals.push(("307", "The repository has been renamed; follow `Location`."));
        }
        refusals
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// All operations with their names.
    fn operations(document: &Document) -> impl Iterator<Item = (String, &Value)> {
        document.paths.iter().flat_map(|(path, methods)| {
            let named = move |(method, operation)| (format!("{method} {path}"), operation);
            methods.iter().map(named)
        })
    }

    #[test]
    fn every_answer_has_a_form() {
        let document = document(&endpoints());
        for (name, operation) in operations(&document) {
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{name}"
            );
            let answers = operation["responses"].as_object().expect("answers");
            let good = answers
                .keys()
                .any(|status| status.starts_with('2') || status == "501");
            assert!(good, "{name}: {answers:?}");
            for (status, answer) in answers {
                for (media, content) in answer["content"].as_object().into_iter().flatten() {
                    let schema = &content["schema"];
                    let output = schema.as_object().is_some_and(|schema| !schema.is_empty());
                    assert!(output, "{name}: {status} {media} says nothing");
                }
            }
        }
    }

    #[test]
    fn every_operation_has_a_name_of_its_own() {
        let document = document(&endpoints());
        let ids: Vec<_> = operations(&document)
            .map(|(_, operation)| operation["operationId"].as_str().expect("an id").to_owned())
            .collect();
        let different: BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn references_lead_somewhere() {
        let document = serde_json::to_value(document(&endpoints())).expect("JSON");
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"#").skip(1) {
            let pointer = reference.split('"').next().expect("its end");
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
    }

    #[test]
    fn a_route_says_what_it_takes() {
        let all = document(&endpoints());
        let usage = &all.paths["/api/usage"]["get"];
        let names: BTreeSet<_> = usage["parameters"]
            .as_array()
            .expect("parameters")
            .iter()
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let wanted = ["cursor", "format", "hours", "limit", "owner", "sum"];
        assert_eq!(names, BTreeSet::from(wanted));
        let create = &all.paths["/api/repos/create"]["post"];
        assert_eq!(create["requestBody"]["required"], true);
        let body = &all.components["schemas"]["CreateRequest"];
        assert_eq!(body["required"], json!(["name"]));
        assert_eq!(create["security"], json!([{ "token": [] }]));
        let file = &all.paths["/datasets/{owner}/{name}/resolve/{revision}/{path}"]["get"];
        assert_eq!(file["parameters"].as_array().map(Vec::len), Some(5));
    }
}
