//! Checks that hold for every page: valid HTML, accessible names, security headers, and no inline code.

use std::collections::HashSet;

use scraper::{ElementRef, Html};

use super::answer::{Answer, css, text_of};

/// Headers that every response has (ASVS 3.4).
const SECURITY_HEADERS: [&str; 6] = [
    "content-security-policy",
    "x-content-type-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
];

/// Asserts that a response has the security headers and that, if it is a page, the checks find nothing.
#[track_caller]
pub fn assert_page(answer: &Answer) {
    let mut complaints = header_complaints(answer);
    if answer.is_html() {
        complaints.extend(complaints_about(&answer.body));
    }
    assert!(complaints.is_empty(), "{}: {}\n  {}", answer.request, answer.status, complaints.join("\n  "));
}

/// The security headers that are missing or too weak.
pub fn header_complaints(answer: &Answer) -> Vec<String> {
    let missing = SECURITY_HEADERS.iter().filter(|name| answer.header(name).is_none_or(str::is_empty));
    let mut complaints: Vec<String> = missing.map(|name| format!("no {name}")).collect();
    let policy = answer.header("content-security-policy").unwrap_or_default();
    if policy.contains("unsafe-") {
        complaints.push(format!("unsafe policy {policy}"));
    }
    if answer.header("x-content-type-options") != Some("nosniff") {
        complaints.push("X-Content-Type-Options is not nosniff".to_owned());
    }
    complaints
}

/// What is wrong with a document.
pub fn complaints_about(html: &str) -> Vec<String> {
    let page = Html::parse_document(html);
    let mut complaints = Vec::new();
    document(&page, html, &mut complaints);
    ids(&page, &mut complaints);
    fields(&page, &mut complaints);
    forms(&page, &mut complaints);
    error_signs(&page, &mut complaints);
    for element in page.select(&css("*")) {
        inline_code(element, &mut complaints);
        names(element, &mut complaints);
    }
    complaints
}

fn document(page: &Html, html: &str, complaints: &mut Vec<String>) {
    if !html.trim_start().to_lowercase().starts_with("<!doctype html>") {
        complaints.push("no doctype".to_owned());
    }
    for (selector, what) in [("h1", "h1"), ("main", "main"), ("head > title", "title")] {
        let found: Vec<String> = page.select(&css(selector)).map(text_of).collect();
        match found.as_slice() {
            [text] if !text.is_empty() => {}
            [_] => complaints.push(format!("empty {what}")),
            _ => complaints.push(format!("{} of {what}", found.len())),
        }
    }
    if page.root_element().attr("lang").is_none_or(str::is_empty) {
        complaints.push("no lang".to_owned());
    }
}

fn ids(page: &Html, complaints: &mut Vec<String>) {
    let mut seen = HashSet::new();
    for id in page.select(&css("[id]")).filter_map(|element| element.attr("id")) {
        if id.is_empty() || id.contains(char::is_whitespace) {
            complaints.push(format!("bad id {id:?}"));
        }
        if !seen.insert(id) {
            complaints.push(format!("id {id} twice"));
        }
    }
    let pointers =
        ["for", "aria-describedby", "aria-labelledby", "aria-controls", "popovertarget", "form", "list"];
    for pointer in pointers {
        for element in page.select(&css(&format!("[{pointer}]"))) {
            for id in element.attr(pointer).unwrap_or_default().split_whitespace() {
                if !seen.contains(id) {
                    complaints.push(format!("{pointer}={id} points nowhere"));
                }
            }
        }
    }
}

fn fields(page: &Html, complaints: &mut Vec<String>) {
    let labels: HashSet<&str> = page
        .select(&css("label[for]"))
        .filter(|label| !text_of(*label).is_empty())
        .filter_map(|label| label.attr("for"))
        .collect();
    for field in page.select(&css("input, select, textarea")) {
        if matches!(field.attr("type"), Some("hidden" | "submit" | "button" | "reset" | "image")) {
            continue;
        }
        let by_id = field.attr("id").is_some_and(|id| labels.contains(id));
        let around = field.ancestors().filter_map(ElementRef::wrap);
        let inside =
            around.into_iter().any(|outer| outer.value().name() == "label" && !text_of(outer).is_empty());
        if !by_id && !inside && !has_aria_name(field) {
            complaints.push(format!("no label for {}", describe(field)));
        }
    }
}

/// The error of a field has a sign, so that not its colour alone says what it is.
fn error_signs(page: &Html, complaints: &mut Vec<String>) {
    for error in page.select(&css(".field-error")) {
        if error.select(&css("svg")).next().is_none() {
            complaints.push(format!("no sign on {}", describe(error)));
        }
    }
}

/// Each form of a signed-in page names the page's session, but those of people whom their fields name.
fn forms(page: &Html, complaints: &mut Vec<String>) {
    const FOR_ANYBODY: [&str; 5] = ["/login", "/register", "/setup", "/password/reset", "/sign-in/check"];
    let session = page.select(&css("body[data-session]")).find_map(|body| body.attr("data-session"));
    for form in page.select(&css("form[method=post]")) {
        let action = form.attr("action").unwrap_or_default();
        let field = css("input[type=hidden][name=for_session]");
        let named: Vec<&str> = form.select(&field).filter_map(|input| input.attr("value")).collect();
        let expected: Vec<&str> =
            if FOR_ANYBODY.contains(&action) { Vec::new() } else { session.into_iter().collect() };
        // A page at another site follows no session, but its form names one.
        let is_at_other_site = action.starts_with("/.gatehouse/") && session.is_none();
        if named != expected && !(is_at_other_site && named.len() == 1) {
            complaints.push(format!("the form for {action} names the sessions {named:?}"));
        }
    }
}

/// Buttons, links and pictures have a name.
fn names(element: ElementRef<'_>, complaints: &mut Vec<String>) {
    let named = || {
        let pictures = css("img[alt]:not([alt='']), svg[aria-label], svg title");
        !text_of(element).is_empty() || has_aria_name(element) || element.select(&pictures).next().is_some()
    };
    let nameless = match element.value().name() {
        "button" => !named(),
        "a" => element.attr("href").is_some() && !named(),
        "img" => element.attr("alt").is_none(),
        _ => false,
    };
    if nameless {
        complaints.push(format!("no text for {}", describe(element)));
    }
}

/// Inline code, which the content security policy forbids, so that it would have no effect.
fn inline_code(element: ElementRef<'_>, complaints: &mut Vec<String>) {
    let name = element.value().name();
    if name == "style" {
        complaints.push("a style element".to_owned());
    }
    let is_data = element.attr("type").is_some_and(|kind| kind.contains("json"));
    if name == "script" && !is_data && (element.attr("src").is_none() || !text_of(element).is_empty()) {
        complaints.push("an inline script".to_owned());
    }
    for (attribute, value) in element.value().attrs() {
        if attribute == "style" || attribute.starts_with("on") {
            complaints.push(format!("{attribute}={value:?} on {}", describe(element)));
        }
        if value.trim_start().to_lowercase().starts_with("javascript:") {
            complaints.push(format!("a javascript: address on {}", describe(element)));
        }
    }
}

fn has_aria_name(element: ElementRef<'_>) -> bool {
    ["aria-label", "aria-labelledby"]
        .iter()
        .any(|name| element.attr(name).is_some_and(|value| !value.is_empty()))
}

fn describe(element: ElementRef<'_>) -> String {
    let html = element.html();
    html.split_inclusive('>').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(body: &str) -> Vec<String> {
        complaints_about(&format!(
            "<!doctype html><html lang=en><head><title>T</title></head><body><main><h1>H</h1>{body}</main></body></html>"
        ))
    }

    #[test]
    fn page_check_accepts_a_good_page() {
        let page = r#"<form><label for=a>A</label><input id=a name=a aria-describedby=a-help><p id=a-help>Help</p>
            <label>B <select name=b><option>1</select></label><input type=hidden name=c><input aria-label=D name=d>
            <button>Go</button><a href="/"><img src="/x.svg" alt="Home"></a></form><script src="/app.js"></script>"#;
        assert_eq!(complaints(page), Vec::<String>::new());
    }

    #[test]
    fn page_check_finds_each_fault() {
        for (body, expected) in [
            ("<p id=a></p><p id=a></p>", "id a twice"),
            ("<input name=x>", "no label for <input name=\"x\">"),
            ("<label for=x></label><textarea id=x></textarea>", "no label for <textarea id=\"x\">"),
            ("<label for=x>X</label>", "for=x points nowhere"),
            ("<h1>Two</h1>", "2 of h1"),
            ("<p style='color:red'>x</p>", "style=\"color:red\" on <p style=\"color:red\">"),
            ("<style>p{}</style>", "a style element"),
            ("<script>x()</script>", "an inline script"),
            ("<p onclick='x()'>x</p>", "onclick=\"x()\" on <p onclick=\"x()\">"),
            ("<a href='javascript:x()'>x</a>", "a javascript: address on <a href=\"javascript:x()\">"),
            ("<button><svg></svg></button>", "no text for <button>"),
            ("<p class=field-error>Wrong</p>", "no sign on <p class=\"field-error\">"),
            ("<img src='/x'>", "no text for <img src=\"/x\">"),
        ] {
            assert_eq!(complaints(body), [expected], "{body}");
        }
        assert_eq!(complaints_about("<p>x").len(), 5);
        let signed_in = "<!doctype html><html lang=en><title>T</title><body data-session=s><main><h1>H</h1>\
            <form method=post action=/x></form><form method=post action=/y><input type=hidden name=for_session value=s></form>\
            <form method=post action=/login></form>";
        assert_eq!(complaints_about(signed_in), ["the form for /x names the sessions []"]);
    }

    #[test]
    fn page_check_names_missing_headers() {
        let mut answer = Answer {
            status: 200,
            headers: Default::default(),
            body: String::new(),
            request: "GET /".to_owned(),
        };
        assert_eq!(header_complaints(&answer).len(), 7);
        for name in SECURITY_HEADERS {
            answer.headers.insert(name, "nosniff".parse().unwrap());
        }
        assert_eq!(header_complaints(&answer), Vec::<String>::new());
    }
}
