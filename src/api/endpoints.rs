//! Every route and who may call it: one table, kept true by tests.

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody; the answer holds nothing that is not public.
    Anyone,
    /// Anybody; the answer holds what its asker may see.
    Filtered,
    /// Whoever has an account.
    Account,
    /// Operators.
    Operator,
    /// Whoever may visit the Space.
    Visitor,
    /// Whoever may see the Space's source.
    Reader,
    /// Whoever may change the Space.
    Writer,
}

/// A route.
#[derive(Debug, Clone, Copy)]
pub struct Endpoint {
    /// `GET`; routes that answer every method alike say `*`.
    pub method: &'static str,
    /// With placeholders, as the router has it.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
}

const fn on(method: &'static str, path: &'static str, access: Access) -> Endpoint {
    Endpoint {
        method,
        path,
        access,
    }
}

use Access::{Account, Anyone, Filtered, Operator, Reader, Visitor, Writer};

/// All routes of this room.
pub const ENDPOINTS: &[Endpoint] = &[
    on("GET", "/api/whoami-v2", Account),
    on("GET", "/api/users/{user}/overview", Filtered),
    on("GET", "/api/organizations/{name}/{*rest}", Anyone),
    on("GET", "/api/settings/repositories", Account),
    on("GET", "/api/tokens", Account),
    on("POST", "/api/tokens", Account),
    on("DELETE", "/api/tokens/{name}", Account),
    on("GET", "/api/admin/users", Operator),
    on("POST", "/api/admin/users", Operator),
    on("GET", "/api/agent-harnesses", Anyone),
    on("HEAD", "/api/telemetry/{*topic}", Anyone),
    on("*", "/api/models/{*rest}", Anyone),
    on("*", "/api/datasets/{*rest}", Anyone),
    on("*", "/api/{*rest}", Anyone),
    on("POST", "/api/repos/create", Account),
    on("DELETE", "/api/repos/delete", Account),
    on("POST", "/api/repos/move", Anyone),
    on("GET", "/api/spaces", Filtered),
    on("GET", "/api/spaces/semantic-search", Filtered),
    on("GET", "/api/spaces/templates", Anyone),
    on("GET", "/api/spaces/hardware", Anyone),
    on("*", "/api/spaces/{name}", Anyone),
    on("GET", "/api/spaces/{owner}/{name}", Visitor),
    on(
        "GET",
        "/api/spaces/{owner}/{name}/revision/{revision}",
        Reader,
    ),
    on("GET", "/api/spaces/{owner}/{name}/host", Visitor),
    on("GET", "/api/spaces/{owner}/{name}/auth-check", Reader),
    on("GET", "/api/spaces/{owner}/{name}/auth-check/write", Writer),
    on("GET", "/api/spaces/{owner}/{name}/discussions", Reader),
    on("PUT", "/api/spaces/{owner}/{name}/settings", Writer),
    on("POST", "/api/spaces/{owner}/{name}/duplicate", Anyone),
    on("GET", "/api/spaces/{owner}/{name}/runtime", Visitor),
    on("POST", "/api/spaces/{owner}/{name}/restart", Writer),
    on("POST", "/api/spaces/{owner}/{name}/pause", Writer),
    on("POST", "/api/spaces/{owner}/{name}/hardware", Writer),
    on("POST", "/api/spaces/{owner}/{name}/sleeptime", Writer),
    on("POST", "/api/spaces/{owner}/{name}/dev-mode", Anyone),
    on("POST", "/api/spaces/{owner}/{name}/replicas", Anyone),
    on("PUT", "/api/spaces/{owner}/{name}/volumes", Anyone),
    on("DELETE", "/api/spaces/{owner}/{name}/volumes", Anyone),
    on("POST", "/api/spaces/{owner}/{name}/storage", Anyone),
    on("DELETE", "/api/spaces/{owner}/{name}/storage", Anyone),
    on("GET", "/api/spaces/{owner}/{name}/secrets", Writer),
    on("POST", "/api/spaces/{owner}/{name}/secrets", Writer),
    on("DELETE", "/api/spaces/{owner}/{name}/secrets", Writer),
    on("GET", "/api/spaces/{owner}/{name}/variables", Reader),
    on("POST", "/api/spaces/{owner}/{name}/variables", Writer),
    on("DELETE", "/api/spaces/{owner}/{name}/variables", Writer),
    on("GET", "/api/spaces/{owner}/{name}/logs/run", Writer),
    on("GET", "/api/spaces/{owner}/{name}/logs/build", Writer),
    on("POST", "/api/validate-yaml", Anyone),
    on(
        "POST",
        "/api/spaces/{owner}/{name}/preupload/{revision}",
        Writer,
    ),
    on(
        "POST",
        "/api/spaces/{owner}/{name}/commit/{revision}",
        Writer,
    ),
    on("GET", "/api/spaces/{owner}/{name}/tree/{revision}", Reader),
    on(
        "GET",
        "/api/spaces/{owner}/{name}/tree/{revision}/{*path}",
        Reader,
    ),
    on(
        "POST",
        "/api/spaces/{owner}/{name}/paths-info/{revision}",
        Reader,
    ),
    on("GET", "/api/spaces/{owner}/{name}/refs", Reader),
    on(
        "GET",
        "/api/spaces/{owner}/{name}/commits/{revision}",
        Reader,
    ),
    on(
        "GET",
        "/spaces/{owner}/{name}/resolve/{revision}/{*path}",
        Reader,
    ),
];
