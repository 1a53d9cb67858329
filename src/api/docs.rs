//! `GET /auth/docs`: the description as a page of this site.

use actix_web::{HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde_json::{Map, Value};

use super::description;
use crate::{config::Config, error::Error, layout::Layout, web::html};

#[derive(Template)]
#[template(path = "api/docs.html")]
struct DocsPage {
    layout: Layout,
    introduction: String,
    groups: Vec<Group>,
    objects: Vec<Object>,
}

/// Calls about one thing.
struct Group {
    name: String,
    description: String,
    calls: Vec<Call>,
}

struct Call {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    /// Whether it is for whoever is signed in.
    needs_session: bool,
    fields: Vec<Field>,
    answers: Vec<Answer>,
}

/// A field of a body, of a query or of an object.
struct Field {
    name: String,
    kind: String,
    required: bool,
    description: String,
}

struct Answer {
    status: String,
    description: String,
    /// The object that it has, by its name.
    object: Option<String>,
}

struct Object {
    name: String,
    description: String,
    fields: Vec<Field>,
}

/// `GET /auth/docs`
///
/// # Errors
/// [`Error::Internal`] when the description is no JSON.
pub async fn show(config: Data<Config>, layout: Layout) -> Result<HttpResponse, Error> {
    let described = serde_json::to_value(description::of(&config)).map_err(Error::internal)?;
    let groups =
        described["tags"].as_array().into_iter().flatten().map(|tag| group(&described, tag)).collect();
    let objects = entries(&described["components"]["schemas"]).map(|(name, schema)| Object {
        name: name.clone(),
        description: text(&schema["description"]),
        fields: fields(schema),
    });
    let objects = objects.collect();
    let introduction = text(&described["info"]["description"]);
    Ok(html(StatusCode::OK, &DocsPage { layout, introduction, groups, objects }))
}

fn group(described: &Value, tag: &Value) -> Group {
    let mut calls = Vec::new();
    for (path, item) in entries(&described["paths"]) {
        for (method, operation) in entries(item) {
            if operation["tags"].as_array().is_some_and(|tags| tags.contains(&tag["name"])) {
                calls.push(call(described, method, path, operation));
            }
        }
    }
    Group { name: text(&tag["name"]), description: text(&tag["description"]), calls }
}

fn call(described: &Value, method: &str, path: &str, operation: &Value) -> Call {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let object = object_of(body);
    let body = object.map_or(&Value::Null, |name| &described["components"]["schemas"][name]);
    let parameters = operation["parameters"].as_array().into_iter().flatten().map(|parameter| Field {
        name: text(&parameter["name"]),
        kind: format!("in the {}", parameter["in"].as_str().unwrap_or_default()),
        required: parameter["required"] == true,
        description: text(&parameter["description"]),
    });
    let answers = entries(&operation["responses"]).map(|(status, answer)| Answer {
        status: status.clone(),
        description: text(&answer["description"]),
        object: entries(&answer["content"])
            .find_map(|(_, content)| object_of(&content["schema"]))
            .map(str::to_owned),
    });
    Call {
        id: format!(
            "{method}-{}",
            path.trim_start_matches('/').replace(['/', '.'], "-").replace(['{', '}'], "")
        ),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&operation["summary"]),
        description: text(&operation["description"]),
        needs_session: operation["responses"].get("401").is_some() && operation["security"].is_null(),
        fields: parameters.chain(fields(body)).collect(),
        answers: answers.collect(),
    }
}

/// The name of the object that a schema refers to.
fn object_of(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

fn fields(schema: &Value) -> Vec<Field> {
    let required = schema["required"].as_array();
    let field = |(name, field): (&String, &Value)| Field {
        name: name.clone(),
        kind: kind(field),
        required: required.is_some_and(|names| names.iter().any(|known| known == name)),
        description: text(&field["description"]),
    };
    entries(&schema["properties"]).map(field).collect()
}

/// What a field holds, in words.
fn kind(schema: &Value) -> String {
    if let Some(name) = object_of(schema) {
        return name.to_owned();
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        kind => kind.as_str().into_iter().collect::<Vec<_>>(),
    };
    let named = kinds.into_iter().map(|kind| match kind {
        "array" => format!("list of {}", self::kind(&schema["items"])),
        "string" if schema["format"] == "date-time" => "time (RFC 3339, UTC)".to_owned(),
        "string" => "text".to_owned(),
        "integer" => "number".to_owned(),
        "boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    });
    named.collect::<Vec<_>>().join(" or ")
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().replace('`', "")
}
