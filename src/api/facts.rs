//! The facts of a repository as they go over the wire, and which of them a client asked for.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ApiError;
use super::schema::{Moment, Runtime};
use crate::domain::{RepoKind, RepoName, Repository, Revision, Space, Visibility};
use crate::repo::{FileFacts, LargeFile};

/// A repository. What is not of its kind, or not for its asker, is left out.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RepositoryFacts")]
pub(super) struct Facts {
    /// For life.
    #[serde(rename = "_id")]
    identifier: String,
    id: RepoName,
    author: String,
    /// The commit that is told of; `null` before the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sha: Option<Option<Revision>>,
    created_at: Moment,
    last_modified: Moment,
    private: bool,
    visibility: Visibility,
    gated: bool,
    disabled: bool,
    likes: i64,
    trending_score: u64,
    /// Of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<RepoName>,
    /// Of a model or a dataset; nobody counts them here.
    #[serde(skip_serializing_if = "Option::is_none")]
    downloads: Option<u64>,
    /// Of a model.
    #[serde(skip_serializing_if = "Option::is_none")]
    spaces: Option<Vec<String>>,
    /// Of a Space: the address of its demo.
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subdomain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdk: Option<Option<String>>,
    /// Of a Space, from its card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) models: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) datasets: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) runtime: Option<Runtime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Vec<String>>,
    #[serde(rename = "pipeline_tag", skip_serializing_if = "Option::is_none")]
    pub(super) pipeline_tag: Option<String>,
    #[serde(rename = "library_name", skip_serializing_if = "Option::is_none")]
    pub(super) library_name: Option<String>,
    /// The front matter of the README.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) card_data: Option<Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) siblings: Option<Vec<Sibling>>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) used_storage: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    xet_enabled: Option<bool>,
}

/// A file of a repository.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sibling {
    rfilename: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    blob_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lfs: Option<SiblingLfs>,
}

/// The large file behind a pointer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SiblingLfs {
    sha256: String,
    size: u64,
    pointer_size: usize,
}

/// Those of the [`Facts`] that were asked for.
#[derive(Debug, Serialize)]
pub(super) struct Shown(Map<String, Value>);

/// What is to be told of a repository.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub(super) struct WantedQuery {
    /// Names of fields: these and the id are told, instead of the usual ones.
    #[serde(default)]
    expand: Vec<String>,
    /// All usual fields, in a list too.
    #[serde(default)]
    full: bool,
    /// With the card, in a list too.
    #[serde(default, rename = "cardData")]
    card_data: bool,
    /// With sizes and ids of files.
    #[serde(default)]
    blobs: bool,
}

/// Which fields a client asked for.
#[derive(Debug)]
pub(super) struct Wanted<'q> {
    query: &'q WantedQuery,
    /// Whether the usual ones are many.
    full: bool,
}

// === impl Facts ===

impl Facts {
    /// Those that cost no look into its files.
    pub(super) fn of(repo: &Repository, likes: i64) -> Self {
        let is_model = repo.kind == RepoKind::Model;
        Self {
            identifier: repo.id.to_string(),
            id: repo.name.clone(),
            author: repo.name.owner.to_string(),
            sha: Some(repo.head.clone()),
            created_at: Moment(repo.created_at),
            last_modified: Moment(repo.updated_at),
            private: repo.visibility == Visibility::Private,
            visibility: repo.visibility,
            gated: false,
            disabled: false,
            likes,
            trending_score: 0,
            model_id: is_model.then(|| repo.name.clone()),
            downloads: (repo.kind != RepoKind::Space).then_some(0),
            spaces: is_model.then(Vec::new),
            host: None,
            subdomain: None,
            sdk: None,
            models: None,
            datasets: None,
            runtime: None,
            tags: None,
            pipeline_tag: None,
            library_name: None,
            card_data: None,
            siblings: None,
            used_storage: None,
            xet_enabled: None,
        }
    }

    /// Those that only a Space has.
    pub(super) fn add_space(&mut self, space: &Space, host: String) {
        self.host = Some(host);
        self.subdomain = Some(space.subdomain.to_string());
        self.sdk = Some(space.sdk.clone());
        self.models = Some(Vec::new());
        self.datasets = Some(Vec::new());
    }
}

// === impl Sibling ===

impl Sibling {
    pub(super) fn of(path: String, facts: FileFacts, with_blob: bool) -> Self {
        let lfs = |large: LargeFile| SiblingLfs {
            pointer_size: large.pointer_bytes(),
            sha256: large.id.to_string(),
            size: large.size,
        };
        Self {
            rfilename: path,
            size: with_blob.then_some(facts.size),
            lfs: facts.large.filter(|_| with_blob).map(lfs),
            blob_id: with_blob.then_some(facts.oid),
        }
    }
}

// === impl Shown ===

/// As [`Facts`], of which none but the ids is there for certain.
impl JsonSchema for Shown {
    fn schema_name() -> Cow<'static, str> {
        "Repository".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Facts::json_schema(generator);
        schema.insert("required".to_owned(), vec!["_id", "id"].into());
        schema
    }
}

// === impl Wanted ===

impl<'q> Wanted<'q> {
    /// From a query; `full` is what a query without `expand` means.
    pub(super) fn of(query: &'q WantedQuery, full: bool) -> Self {
        Self {
            query,
            full: full || query.full,
        }
    }

    /// Whether that field was.
    pub(super) fn has(&self, field: &str) -> bool {
        let expand = &self.query.expand;
        match expand.is_empty() {
            true => self.full,
            false => expand.iter().any(|wanted| wanted == field),
        }
    }

    /// Whether the card was, where it is not among the fields.
    pub(super) fn card(&self) -> bool {
        self.query.card_data
    }

    /// Whether sizes and ids of files were.
    pub(super) fn blobs(&self) -> bool {
        self.query.blobs
    }

    /// Leaves out the others.
    ///
    /// # Errors
    /// Ours only.
    pub(super) fn keep(&self, mut facts: Facts) -> Result<Shown, ApiError> {
        let chosen = !self.query.expand.is_empty();
        // Clients of early 2025 ask for this one before an upload, and then go the plain way.
        if chosen && self.has("xetEnabled") {
            facts.xet_enabled = Some(false);
        }
        let facts = serde_json::to_value(facts).map_err(|error| ApiError::internal(&error))?;
        let Value::Object(mut facts) = facts else {
            return Ok(Shown(Map::new()));
        };
        let asked = |key: &str| self.has(key) || (self.card() && key == "cardData");
        facts.retain(|key, _| !chosen || matches!(key.as_str(), "id" | "_id") || asked(key));
        Ok(Shown(facts))
    }
}
