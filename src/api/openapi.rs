//! What this room offers, as OpenAPI 3.1 says it: made from the table of endpoints, so that it names every route.

use axum::Json;
use serde_json::{Map, Value, json};

use super::endpoints::{Access, Endpoint, endpoints};

/// What a request may hold: method, end of the path, and fields, parted by spaces. `name!` must be there, `name:type` is
/// no text, `name=a|b` one of those words.
type Fields = (&'static str, &'static str, &'static str);

const BODIES: &[Fields] = &[
    ("POST", "/api/admin/organizations", "name! admin!"),
    (
        "PUT",
        "/members/{user}",
        "role!=read|contributor|write|admin",
    ),
    (
        "POST",
        "/api/tokens",
        "name! role=read|write|fineGrained days:integer grants:array",
    ),
    ("POST", "/api/admin/users", "name! role=user|operator"),
    (
        "PUT",
        "/api/admin/quotas/{user}",
        "spaces:integer instances:integer cpu:number memory:integer disk:integer files:integer \
         builds:integer cpuSecondsPerDay:integer buildMinutesPerDay:integer egressBytesPerDay:integer",
    ),
    ("POST", "/disable", "reason!"),
    (
        "POST",
        "/api/repos/create",
        "name! organization type=model|dataset|space sdk visibility=public|protected|private private:boolean hardware \
         sleepTimeSeconds:integer secrets:array variables:array volumes:array",
    ),
    (
        "DELETE",
        "/api/repos/delete",
        "name! organization type=model|dataset|space",
    ),
    (
        "POST",
        "/api/repos/move",
        "fromRepo! toRepo! type=model|dataset|space",
    ),
    (
        "PUT",
        "/settings",
        "visibility=public|protected|private private:boolean gated",
    ),
    (
        "POST",
        "/duplicate",
        "repository! visibility=public|protected|private private:boolean hardware sleepTimeSeconds:integer secrets:array \
         variables:array volumes:array",
    ),
    ("POST", "/branch/{branch}", "startingPoint"),
    ("POST", "/tag/{revision}", "tag! message"),
    ("POST", "/super-squash/{branch}", "message"),
    ("POST", "/hardware", "flavor! sleepTimeSeconds:integer"),
    ("POST", "/sleeptime", "seconds!:integer"),
    ("PUT", "/volumes", "volumes!:array"),
    ("POST", "/secrets", "key! value! description"),
    ("DELETE", "/secrets", "key!"),
    ("POST", "/variables", "key! value! description"),
    ("DELETE", "/variables", "key!"),
    ("POST", "/api/validate-yaml", "repoType! content!"),
    (
        "POST",
        "/preupload/{revision}",
        "files!:array gitAttributes",
    ),
    (
        "POST",
        "/info/lfs/objects/batch",
        "operation!=upload|download transfers:array objects!:array hash_algo ref:object",
    ),
];

const QUERIES: &[Fields] = &[
    (
        "GET",
        "/api/usage",
        "hours:integer owner sum:boolean format=json|csv limit:integer cursor",
    ),
    ("GET", "/api/admin/audit", "limit:integer"),
    (
        "GET",
        "/api/{kind}",
        "search author filter sort limit:integer cursor expand full:boolean",
    ),
    ("GET", "/api/spaces/semantic-search", "q limit:integer"),
    (
        "GET",
        "/tree/{revision}",
        "recursive:boolean expand:boolean limit:integer cursor",
    ),
    ("GET", "/commits/{revision}", "limit:integer p:integer"),
    ("GET", "/revision/{revision}", "expand blobs:boolean"),
    ("POST", "/restart", "factory:boolean"),
    (
        "GET",
        "/info/refs",
        "service!=git-upload-pack|git-receive-pack",
    ),
    ("POST", "/commit/{revision}", "create_pr:boolean"),
];

/// What is sent as it is, and of what kind.
const RAW: &[(&str, &str, &str)] = &[
    ("POST", "/commit/{revision}", "application/x-ndjson"),
    (
        "POST",
        "/git-upload-pack",
        "application/x-git-upload-pack-request",
    ),
    (
        "POST",
        "/git-receive-pack",
        "application/x-git-receive-pack-request",
    ),
    ("POST", "/xorbs/{domain}/{hash}", "application/octet-stream"),
    ("POST", "/v1/shards", "application/octet-stream"),
    ("PUT", "/lfs/{repo}/{oid}", "application/octet-stream"),
    ("PUT", "/parts/{number}", "application/octet-stream"),
];

/// `GET /api/openapi.json`
pub(super) async fn openapi() -> Json<Value> {
    Json(document(&endpoints()))
}

fn document(endpoints: &[Endpoint]) -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints {
        let path = endpoint.path.replace("{*", "{");
        let methods: &[&str] = match endpoint.method {
            "*" => &["GET", "POST"],
            _ => &[endpoint.method],
        };
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        for method in methods {
            item[method.to_ascii_lowercase()] = operation(method, &path, endpoint.access);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Glasshouse",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The Hugging Face Hub's own protocol, as far as its clients use it, and what operators need.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": { "Error": {
                "type": "object",
                "required": ["error"],
                "properties": { "error": { "type": "string", "description": "For people; also in the header X-Error-Message." } },
            } },
        },
    })
}

fn operation(method: &str, path: &str, access: Access) -> Value {
    let names = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let mut parameters: Vec<_> = names
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": path_schema(name) }))
        .collect();
    for (name, required, schema) in fields_of(QUERIES, method, path) {
        parameters
            .push(json!({ "name": name, "in": "query", "required": required, "schema": schema }));
    }
    let error = json!({ "$ref": "#/components/schemas/Error" });
    let mut operation = json!({
        "summary": access.sentence(),
        "parameters": parameters,
        "security": if access.is_open() { json!([{}, { "token": [] }]) } else { json!([{ "token": [] }]) },
        "responses": {
            "default": { "description": "As asked, or a redirect to the repository's new name." },
            "4XX": { "description": "What is wrong with the request.", "content": { "application/json": { "schema": error } } },
        },
    });
    let fields: Vec<_> = fields_of(BODIES, method, path).collect();
    if !fields.is_empty() {
        let required: Vec<_> = fields
            .iter()
            .filter(|field| field.1)
            .map(|field| field.0)
            .collect();
        let properties: Map<_, _> = fields
            .iter()
            .map(|(name, _, schema)| ((*name).to_owned(), schema.clone()))
            .collect();
        let schema = json!({ "type": "object", "required": required, "properties": properties });
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    } else if path.ends_with("/paths-info/{revision}") {
        let schema = json!({ "type": "object", "required": ["paths"], "properties": {
            "paths": { "type": "array", "items": { "type": "string" } },
            "expand": { "type": "boolean" },
        } });
        operation["requestBody"] =
            json!({ "content": { "application/x-www-form-urlencoded": { "schema": schema } } });
    } else if let Some((.., kind)) = RAW
        .iter()
        .find(|(of, end, _)| *of == method && path.ends_with(end))
    {
        operation["requestBody"] =
            json!({ "content": { *kind: { "schema": { "type": "string", "format": "binary" } } } });
    }
    operation
}

/// Name, whether it must be there, and schema of each.
fn fields_of<'t>(
    table: &'t [Fields],
    method: &'t str,
    path: &'t str,
) -> impl Iterator<Item = (&'t str, bool, Value)> {
    let kind = ["/api/models", "/api/datasets", "/api/spaces"].contains(&path);
    let is_meant = move |end: &str| path.ends_with(end) || (kind && end == "/api/{kind}");
    let found = table
        .iter()
        .find(move |(of, end, _)| *of == method && is_meant(end));
    let fields = found.map_or("", |(.., fields)| fields);
    fields.split_whitespace().map(|field| {
        let name = field.split(['!', ':', '=']).next().unwrap_or(field);
        let schema = match (field.split_once(':'), field.split_once('=')) {
            (Some((_, kind)), _) => json!({ "type": kind }),
            (None, Some((_, words))) => json!({ "enum": words.split('|').collect::<Vec<_>>() }),
            (None, None) => json!({ "type": "string" }),
        };
        (name, field.contains('!'), schema)
    })
}

fn path_schema(name: &str) -> Value {
    match name {
        "oid" | "hash" => json!({ "type": "string", "pattern": "^[0-9a-f]{64}$" }),
        "owner" | "name" | "user" => {
            json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength": 96 })
        }
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

    fn sentence(self) -> &'static str {
        match self {
            Self::Anyone => "For anybody.",
            Self::Filtered => "For anybody; the answer holds what its asker may see.",
            Self::Account => "For whoever has an account.",
            Self::Operator => "For operators.",
            Self::OrganizationAdmin => "For admins of the organisation.",
            Self::Visitor => "For whoever may visit the Space.",
            Self::Reader | Self::Git => "For whoever may read the repository.",
            Self::Signed => "For whoever has a signed address.",
            Self::Writer => "For whoever may change the repository.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_of_a_route() {
        let endpoints = endpoints();
        let there = |method: &str, end: &str| {
            endpoints.iter().any(|endpoint| {
                let path = endpoint.path.replace("{*", "{");
                endpoint.method == method && (path.ends_with(end) || end == "/api/{kind}")
            })
        };
        for (method, end, _) in BODIES.iter().chain(QUERIES).chain(RAW) {
            assert!(there(method, end), "{method} {end}");
        }
    }

    #[test]
    fn a_route_says_what_it_takes() {
        let all = document(&endpoints());
        let create = &all["paths"]["/api/repos/create"]["post"];
        let body = &create["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(body["required"], json!(["name"]));
        assert_eq!(
            body["properties"]["type"]["enum"],
            json!(["model", "dataset", "space"])
        );
        assert_eq!(create["security"], json!([{ "token": [] }]));
        let file = &all["paths"]["/datasets/{owner}/{name}/resolve/{revision}/{path}"]["get"];
        assert_eq!(file["parameters"].as_array().map(Vec::len), Some(4));
        assert_eq!(
            all["paths"]["/api/models"]["get"]["parameters"][0]["name"],
            "search"
        );
        assert_eq!(
            all["paths"]["/api/spaces/{owner}/{name}/sleeptime"]["post"]["requestBody"]["content"]
                ["application/json"]["schema"]["properties"]["seconds"],
            json!({ "type": "integer" })
        );
    }
}
