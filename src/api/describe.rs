//! What handlers take and answer, as OpenAPI 3.1 says it: read from their signatures, so that it cannot say anything else.
//!
//! A handler is registered only if all that it takes is [`Input`] and what it answers is [`Output`].

use axum::Extension;
use axum::extract::{Path, State};
use http::{HeaderMap, Method, Uri};
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::domain::RepoKind;

/// The largest whole number that every JSON library reads as it is written (RFC 8259 §6).
const MOST: u64 = (1 << 53) - 1;

/// One operation, while what it is made of describes itself.
pub(super) struct Operation<'s> {
    schemas: &'s mut Schemas,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
    errors: Value,
}

/// The schemas of all types that operations name.
pub(super) struct Schemas {
    received: SchemaGenerator,
    sent: SchemaGenerator,
    queries: SchemaGenerator,
}

/// What a handler takes of a request.
pub(super) trait Input {
    /// Says it; most is nothing that a client chooses.
    fn describe(_operation: &mut Operation<'_>) {}
}

/// What a handler answers.
pub(super) trait Output {
    /// Says it.
    fn describe(operation: &mut Operation<'_>);
}

/// A handler whose signature says what it takes and answers. `T` is what axum's `Handler` has there.
pub(super) trait Described<T> {
    /// Says it.
    fn describe(operation: &mut Operation<'_>);
}

macro_rules! described {
    ($($input:ident),*) => {
        impl<Function, Answering, Answer, $($input,)* Via> Described<(Via, $($input,)*)> for Function
        where
            Function: FnOnce($($input),*) -> Answering,
            Answering: Future<Output = Answer>,
            Answer: Output,
            $($input: Input,)*
        {
            fn describe(operation: &mut Operation<'_>) {
                $($input::describe(operation);)*
                Answer::describe(operation);
            }
        }
    };
}

described!();
described!(A);
described!(A, B);
described!(A, B, C);
described!(A, B, C, D);
described!(A, B, C, D, E);
described!(A, B, C, D, E, F);

// What says nothing that a client chooses: paths are described by the table.
impl<S> Input for State<S> {}
impl<T> Input for Extension<T> {}
impl<T> Input for Path<T> {}
impl Input for HeaderMap {}
impl Input for Method {}
impl Input for Uri {}
impl Input for RepoKind {}

// === impl Operation ===

impl<'s> Operation<'s> {
    /// One that takes nothing and answers nothing yet.
    pub(super) fn new(schemas: &'s mut Schemas) -> Self {
        let errors = json_content(json!({ "$ref": "#/components/schemas/Error" }));
        Self {
            schemas,
            parameters: Vec::new(),
            body: None,
            answers: Map::new(),
            errors,
        }
    }

    /// A parameter of the query for every field of the type.
    pub(super) fn takes_query<T: JsonSchema>(&mut self) {
        self.parameters.extend(self.schemas.query::<T>());
    }

    /// A body of that type, in any of these media types.
    pub(super) fn takes<T: JsonSchema>(&mut self, media: &[&str]) {
        let (schema, required) = self.schemas.received::<T>();
        let content: Map<_, _> = media
            .iter()
            .map(|media| ((*media).to_owned(), json!({ "schema": schema })))
            .collect();
        self.body = Some(json!({ "required": required, "content": content }));
    }

    /// A body that is sent as it is.
    pub(super) fn takes_raw(&mut self, media: &str) {
        self.body = Some(json!({ "required": true, "content": raw_content(media) }));
    }

    /// An answer of that type.
    pub(super) fn answers<T: JsonSchema>(&mut self, status: u16, media: &str, says: &str) {
        let schema = self.schemas.sent::<T>();
        self.adds(status, says, json!({ media: { "schema": schema } }));
    }

    /// An answer that is sent as it is.
    pub(super) fn answers_raw(&mut self, status: u16, media: &str, says: &str) {
        self.adds(status, says, raw_content(media));
    }

    /// An answer without a body.
    pub(super) fn answers_nothing(&mut self, status: u16, says: &str) {
        let answer = json!({ "description": says });
        self.answers.insert(status.to_string(), answer);
    }

    /// Always an error.
    pub(super) fn refuses(&mut self, status: u16, says: &str) {
        let content = self.errors.clone();
        self.adds(status, says, content);
    }

    /// Another media type for a status is added to those that it has.
    fn adds(&mut self, status: u16, says: &str, content: Value) {
        let answer = self
            .answers
            .entry(status.to_string())
            .or_insert_with(|| json!({ "description": says, "content": {} }));
        if let (Some(all), Value::Object(more)) = (answer["content"].as_object_mut(), content) {
            all.extend(more);
        }
    }

    /// A header of the answers that succeed.
    pub(super) fn answers_header(&mut self, name: &str, says: &str) {
        let header = json!({ "description": says, "schema": { "type": "string" } });
        for (status, answer) in &mut self.answers {
            if status.starts_with('2') {
                answer["headers"][name] = header.clone();
            }
        }
    }

    /// Errors come in another form than everywhere else.
    pub(super) fn fails_with<T: JsonSchema>(&mut self, media: &str) {
        let schema = self.schemas.sent::<T>();
        self.errors = json!({ media: { "schema": schema } });
    }

    /// What was said, as fields of an operation object; `refusals` are statuses with which it may be refused, and why.
    pub(super) fn finish(
        mut self,
        path_parameters: Vec<Value>,
        refusals: &[(&str, &str)],
    ) -> Map<String, Value> {
        for (status, says) in refusals {
            let answer = match *status {
                "307" => json!({ "description": says, "headers": {
                    "Location": { "schema": { "type": "string" } },
                }, "content": self.errors }),
                _ => json!({ "description": says, "content": self.errors }),
            };
            self.answers.entry((*status).to_owned()).or_insert(answer);
        }
        let mut fields = Map::new();
        let parameters = [path_parameters, self.parameters].concat();
        if !parameters.is_empty() {
            fields.insert("parameters".to_owned(), parameters.into());
        }
        if let Some(body) = self.body {
            fields.insert("requestBody".to_owned(), body);
        }
        fields.insert("responses".to_owned(), self.answers.into());
        fields
    }
}

fn json_content(schema: Value) -> Value {
    json!({ "application/json": { "schema": schema } })
}

fn raw_content(media: &str) -> Value {
    // OpenAPI 3.1 leaves out the schema of what is no JSON; older readers want to see it.
    json!({ media: { "schema": { "type": "string", "format": "binary" } } })
}

// === impl Schemas ===

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::draft2020_12();
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
            settings.with_transform(RecursiveTransform(plain))
        };
        let received = || settings().with_transform(RecursiveTransform(bounded));
        Self {
            received: received().into_generator(),
            sent: settings().for_serialize().into_generator(),
            queries: received()
                .with(|settings| settings.inline_subschemas = true)
                .into_generator(),
        }
    }

    /// A type that clients send, and whether it may not be left out.
    fn received<T: JsonSchema>(&mut self) -> (Value, bool) {
        let fields = self.queries.root_schema_for::<T>();
        let required = fields.get("required").is_some();
        (self.received.subschema_for::<T>().to_value(), required)
    }

    /// A type that is answered.
    fn sent<T: JsonSchema>(&mut self) -> Value {
        let mut schema = self.sent.subschema_for::<T>();
        RecursiveTransform(plain).transform(&mut schema);
        schema.to_value()
    }

    fn query<T: JsonSchema>(&mut self) -> Vec<Value> {
        let mut schema = self.queries.root_schema_for::<T>();
        let required = schema.remove("required").unwrap_or_default();
        let Some(Value::Object(fields)) = schema.remove("properties") else {
            return Vec::new();
        };
        let parameter = |(name, schema): (String, Value)| {
            let mut schema = without_null(schema);
            let says = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            let is_named = |required: &Value| required.as_str() == Some(&name);
            let required = required
                .as_array()
                .is_some_and(|all| all.iter().any(is_named));
            let mut parameter =
                json!({ "name": name, "in": "query", "required": required, "schema": schema });
            if let Some(says) = says {
                parameter["description"] = says;
            }
            parameter
        };
        fields.into_iter().map(parameter).collect()
    }

    /// What the references refer to.
    ///
    /// # Panics
    /// When two types of one name are not the same.
    pub(super) fn into_components(mut self) -> Map<String, Value> {
        let mut all = self.received.take_definitions(true);
        for (name, schema) in self.sent.take_definitions(true) {
            let known = all.insert(name.clone(), schema.clone());
            assert!(
                known.is_none_or(|known| known == schema),
                "two types are called {name}"
            );
        }
        all
    }
}

/// Leaves out what is only an implementation's way of saying it.
fn plain(schema: &mut Schema) {
    let Some(fields) = schema.as_object_mut() else {
        return;
    };
    // What is left out is not `null` where the two are told apart.
    if fields.get("default").is_some_and(Value::is_null) {
        fields.remove("default");
    }
    if let Some(words) = fields.get("oneOf").and_then(words) {
        fields.remove("oneOf");
        fields.insert("type".to_owned(), "string".into());
        fields.insert("enum".to_owned(), words);
    }
    if fields
        .get("format")
        .is_some_and(|format| format == "uint64" || format == "uint")
    {
        fields.insert("format".to_owned(), "int64".into());
    }
}

/// Whole numbers of clients are not larger than all of them can write.
fn bounded(schema: &mut Schema) {
    if let Some(fields) = schema.as_object_mut()
        && fields.get("format").is_some_and(|format| format == "int64")
    {
        fields.entry("maximum").or_insert(MOST.into());
    }
}

/// The words of an enumeration whose variants are described one by one.
fn words(variants: &Value) -> Option<Value> {
    let variants = variants.as_array()?;
    let word = |variant: &Value| match (&variant["const"], &variant["enum"]) {
        (Value::String(word), _) => Some(vec![Value::from(word.as_str())]),
        (_, Value::Array(words)) => Some(words.clone()),
        _ => None,
    };
    let words: Option<Vec<_>> = variants.iter().map(word).collect();
    Some(words?.concat().into())
}

/// What is left out of a query is not there; it is never `null`.
fn without_null(mut schema: Value) -> Value {
    if let Some(Value::Array(kinds)) = schema.get_mut("type") {
        kinds.retain(|kind| kind != "null");
        if let [only] = kinds.as_slice() {
            schema["type"] = only.clone();
        }
    }
    if let Some(fields) = schema.as_object_mut() {
        // What is left out is none of these values.
        fields.remove("default");
        if let Some(Value::Array(words)) = fields.get_mut("enum") {
            words.retain(|word| !word.is_null());
        }
        if let Some(Value::Array(mut ways)) = fields.remove("anyOf") {
            ways.retain(|way| way["type"] != "null");
            if let Some(Value::Object(only)) = ways.pop() {
                fields.extend(only);
            }
        }
    }
    schema
}
