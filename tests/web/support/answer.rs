//! A response of the application, with assertions whose failures show what the page says.

use reqwest::header::HeaderMap;
use scraper::{ElementRef, Html, Selector};

use super::client::Cookie;

/// A response with its whole body. Assertions return it, so that they can be chained.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
    /// The method and path of the request, for messages: `POST /login`.
    pub request: String,
}

/// A form of a page, with the fields that a browser submits when its first button is pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Answer {
    /// The body without the id of the request, in which answers to the same question differ.
    pub fn body_without_id(&self) -> String {
        self.body.replace(self.header("x-request-id").unwrap_or("no id"), "")
    }

    /// Asserts the status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.summary());
        self
    }

    /// Asserts a redirect (303) to exactly this address.
    #[track_caller]
    pub fn to(self, location: &str) -> Self {
        assert_eq!((self.status, self.location()), (303, Some(location)), "{}", self.summary());
        self
    }

    /// Asserts that the visible text contains this; runs of white space count as one space.
    #[track_caller]
    pub fn has(self, text: &str) -> Self {
        assert!(self.text().contains(text), "no {text:?} in {}\n{}", self.summary(), self.text());
        self
    }

    /// Asserts that the visible text does not contain this.
    #[track_caller]
    pub fn lacks(self, text: &str) -> Self {
        assert!(!self.text().contains(text), "{text:?} is in {}\n{}", self.summary(), self.text());
        self
    }

    /// A header's value, if the header is present and its value is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The address of a redirect.
    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The cookies that the response sets or removes, with their attributes.
    pub fn set_cookies(&self) -> Vec<Cookie> {
        self.headers.get_all("set-cookie").iter().map(|line| Cookie::parse(line.to_str().unwrap())).collect()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.summary()))
    }

    /// Whether the content type is HTML.
    pub fn is_html(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
    }

    /// The parsed document.
    pub fn document(&self) -> Html {
        Html::parse_document(&self.body)
    }

    /// The visible text: of HTML the text of its `body`, else the whole body.
    pub fn text(&self) -> String {
        if !self.is_html() {
            return self.body.clone();
        }
        self.document().select(&css("body")).next().map(text_of).unwrap_or_default()
    }

    /// The text of every element that matches.
    pub fn texts(&self, selector: &str) -> Vec<String> {
        self.document().select(&css(selector)).map(text_of).collect()
    }

    /// An attribute of every element that matches and has it.
    pub fn attributes(&self, selector: &str, name: &str) -> Vec<String> {
        self.document()
            .select(&css(selector))
            .filter_map(|found| found.attr(name))
            .map(str::to_owned)
            .collect()
    }

    /// The page's title.
    pub fn title(&self) -> String {
        self.texts("head > title").into_iter().next().unwrap_or_default()
    }

    /// The page's heading.
    pub fn h1(&self) -> String {
        self.texts("h1").into_iter().next().unwrap_or_default()
    }

    /// The error message of a field, to which the invalid field of that name points with `aria-describedby`.
    pub fn field_error(&self, field: &str) -> Option<String> {
        let document = self.document();
        let inputs = css(&format!("[name='{field}'][aria-invalid='true'][aria-describedby]"));
        let input = document.select(&inputs).next()?;
        let messages: Vec<String> = input
            .attr("aria-describedby")?
            .split_whitespace()
            .filter(|id| !id.ends_with("-help"))
            .filter_map(|id| document.select(&css(&format!("[id='{id}']"))).next())
            .map(text_of)
            .collect();
        let message = messages.join(" ");
        // Screen readers read this prefix; the colour of the message says the same to others.
        Some(message.strip_prefix("Error: ").unwrap_or(&message).to_owned()).filter(|text| !text.is_empty())
    }

    /// The value of a field: its text, the selected option's value, or the value of a checkbox that is checked.
    pub fn value_of(&self, field: &str) -> Option<String> {
        let document = self.document();
        let named = css(&format!("input[name='{field}'],select[name='{field}'],textarea[name='{field}']"));
        document.select(&named).find_map(|input| value_of(&input))
    }

    /// The form with this action, with any query.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        self.forms()
            .into_iter()
            .find(|form| form.action == action || form.action.split('?').next() == Some(action))
            .unwrap_or_else(|| panic!("no form for {action} in {}", self.summary()))
    }

    /// All forms of the page, in document order.
    pub fn forms(&self) -> Vec<Form> {
        let (form, input) = (css("form"), css("input[name],select[name],textarea[name]"));
        let sends =
            |input: &ElementRef<'_>| !matches!(input.attr("type"), Some("submit" | "button" | "reset"));
        self.document()
            .select(&form)
            .map(|form| Form {
                action: form.attr("action").unwrap_or_default().to_owned(),
                fields: form
                    .select(&input)
                    .filter(sends)
                    .filter_map(|input| Some((input.attr("name")?.to_owned(), value_of(&input)?)))
                    .collect(),
            })
            .collect()
    }

    /// One line about the response, and the messages on the page, for assertions that fail.
    pub fn summary(&self) -> String {
        let mut summary = format!("{}: {}", self.request, self.status);
        if let Some(location) = self.location() {
            summary += &format!(" to {location}");
        }
        if self.is_html() {
            summary += &format!(" {:?}", self.title());
            for message in self.texts("[role=alert], [id$=-error], main p") {
                summary += &format!("\n  {message}");
            }
        } else {
            summary += &format!(" {}", self.body.chars().take(500).collect::<String>());
        }
        summary
    }
}

impl Form {
    /// The fields for [`super::Client::post`], some of them replaced or added.
    pub fn with<'a>(&'a self, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let own = self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let kept = own.filter(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        kept.chain(fields.iter().copied()).collect()
    }
}

/// Parses a selector; panics when it is invalid.
pub fn css(selector: &str) -> Selector {
    Selector::parse(selector).unwrap_or_else(|error| panic!("{selector}: {error}"))
}

/// The text of an element, with runs of white space as one space.
pub fn text_of(element: ElementRef<'_>) -> String {
    let text: String = element.text().collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn value_of(input: &ElementRef<'_>) -> Option<String> {
    let value = match (input.value().name(), input.attr("type")) {
        ("select", _) => {
            let chosen = input.select(&css("option[selected]")).next();
            let option = chosen.or_else(|| input.select(&css("option")).next())?;
            return Some(option.attr("value").map_or_else(|| text_of(option), str::to_owned));
        }
        ("textarea", _) => return Some(input.text().collect()),
        (_, Some("checkbox" | "radio")) if input.attr("checked").is_none() => return None,
        (_, Some("checkbox" | "radio")) => input.attr("value").unwrap_or("on"),
        _ => input.attr("value").unwrap_or_default(),
    };
    Some(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "text/html; charset=utf-8".parse().unwrap());
        headers.append("set-cookie", "a=1; Path=/".parse().unwrap());
        headers.append("set-cookie", "b=; Max-Age=0".parse().unwrap());
        let body = format!("<!doctype html><html lang=en><title>T</title><main><h1>H  one</h1>{body}</main>");
        Answer { status: 422, headers, body, request: "POST /x".to_owned() }
    }

    #[test]
    fn field_error_is_found_by_its_field() {
        let page = page(
            r#"<form action="/x"><input name=email aria-invalid=true aria-describedby="email-error email-help" value="a&amp;b">
               <p id=email-error><span>Error: </span>Too <b>long</b>.</p><p id=email-help>Help.</p>
               <input name=name aria-describedby="name-help"><p id=name-help>Help.</p></form>"#,
        );
        assert_eq!(page.field_error("email").as_deref(), Some("Too long."));
        assert_eq!(page.field_error("name"), None);
        assert_eq!(page.field_error("missing"), None);
        assert_eq!(page.value_of("email").as_deref(), Some("a&b"));
        assert_eq!((page.title(), page.h1()), ("T".to_owned(), "H one".to_owned()));
    }

    #[test]
    fn form_has_the_fields_a_browser_submits() {
        let page = page(
            r#"<form action="/end?x=1"><input type=hidden name=id value=7><input type=checkbox name=off>
               <input type=checkbox name=on checked><select name=role><option value=u>User<option value=a selected>Admin</select>
               <textarea name=reason>why</textarea><button name=go value=1>Go</button></form>"#,
        );
        let form = page.form("/end");
        let fields = [("id", "7"), ("on", "on"), ("role", "a"), ("reason", "why")];
        assert_eq!(form.with(&[]), fields);
        assert_eq!(form.with(&[("id", "8")]), [("on", "on"), ("role", "a"), ("reason", "why"), ("id", "8")]);
    }

    #[test]
    fn text_excludes_markup() {
        let page = page("<p>Not <b>\n bold</b> &lt;i&gt;</p>").expect(422).has("Not bold <i>").lacks("<b>");
        assert_eq!(page.set_cookies().len(), 2);
    }

    #[test]
    #[should_panic(expected = "POST /x: 422")]
    fn failed_assertion_names_the_request() {
        let _ = page("").expect(200);
    }
}
