//! Tests how the operator's files are sent: names, types, parts, conditions.

use std::{fs, fs::File, io::Write as _};

use reqwest::Method;
use tempfile::TempDir;

use crate::support::*;

const TEXT: &str = "0123456789abcdefghij";

/// Serves a folder with these files.
async fn serve(stack: Stack, files: &[(&str, &str)]) -> (TempDir, TestApp) {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let app = TestApp::builder(stack).var("PAGES_DIR", folder.path().display()).start().await;
    (folder, app)
}

on_both_stacks!(page_names_of_every_kind_are_found, |stack| async {
    let names = [
        ("a b.txt", "a%20b.txt"),
        ("100%.txt", "100%25.txt"),
        ("%41.txt", "%2541.txt"),
        ("%2e%2e.txt", "%252e%252e.txt"),
        ("a+b.txt", "a+b.txt"),
        ("a&b=c.txt", "a&b=c.txt"),
        ("why?.txt", "why%3F.txt"),
        ("one#two.txt", "one%23two.txt"),
        ("semi;colon.txt", "semi;colon.txt"),
        ("(a) [b] {c}.txt", "(a)%20%5Bb%5D%20%7Bc%7D.txt"),
        ("it's \"quoted\".txt", "it's%20%22quoted%22.txt"),
        ("~ada/index.html", "~ada/"),
        ("grüße/übersicht.html", "gr%C3%BC%C3%9Fe/%C3%BCbersicht.html"),
        ("日本語.html", "%E6%97%A5%E6%9C%AC%E8%AA%9E.html"),
        ("می‌خواهم.txt", "%D9%85%DB%8C%E2%80%8C%D8%AE%D9%88%D8%A7%D9%87%D9%85.txt"),
        ("🦀.txt", "%F0%9F%A6%80.txt"),
    ];
    let files: Vec<_> = names.iter().map(|(name, _)| (*name, *name)).collect();
    let (_folder, app) = serve(stack, &files).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for (name, path) in names {
        let answer = app.raw(&client, "GET", &format!("/pages/{path}")).await;
        assert!(answer.status == 200 && answer.text.ends_with(name), "{name}: {}", answer.text);
    }
    client.get("/pages/gr%C3%BC%C3%9Fe?a=%C3%BC").await.to("/pages/gr%C3%BC%C3%9Fe/?a=%C3%BC");
});

on_both_stacks!(page_types_follow_names, |stack| async {
    let types = [
        ("x.html", "text/html; charset=utf-8"),
        ("x.HTM", "text/html; charset=utf-8"),
        ("x.css", "text/css; charset=utf-8"),
        ("x.js", "text/javascript"),
        ("x.mjs", "application/javascript; charset=utf-8"),
        ("x.json", "application/json"),
        ("x.txt", "text/plain; charset=utf-8"),
        ("x.xml", "text/xml"),
        ("x.svg", "image/svg+xml"),
        ("x.png", "image/png"),
        ("x.webp", "image/webp"),
        ("x.woff2", "font/woff2"),
        ("x.pdf", "application/pdf"),
        ("x.mp4", "video/mp4"),
        ("x.wasm", "application/wasm"),
        ("x.zip", "application/zip"),
        ("x.unheard-of", "application/octet-stream"),
        ("x", "application/octet-stream"),
    ];
    let files: Vec<_> = types.iter().map(|(name, _)| (*name, TEXT)).collect();
    let (_folder, app) = serve(stack, &files).await;
    let (_, client) = app.person("Ada Lovelace").await;
    for (name, media_type) in types {
        let answer = client.get(&format!("/pages/{name}")).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(media_type), "{name}");
        assert_eq!(answer.header("content-disposition"), None, "{name}: a browser may show it");
        assert_eq!(header_complaints(&answer), Vec::<String>::new());
    }
});

on_both_stacks!(page_parts_are_sent_as_asked, |stack| async {
    let (folder, app) = serve(stack, &[("film.txt", TEXT), ("empty.txt", "")]).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let ask = |range: &'static str| client.request(Method::GET, "/pages/film.txt").header("range", range);
    for (range, part, content_range) in [
        ("bytes=0-4", "01234", "bytes 0-4/20"),
        ("bytes=15-", "fghij", "bytes 15-19/20"),
        ("bytes=-3", "hij", "bytes 17-19/20"),
        ("bytes=18-99", "ij", "bytes 18-19/20"),
        ("bytes=-99", TEXT, "bytes 0-19/20"),
        ("Bytes=7-7", "7", "bytes 7-7/20"),
    ] {
        let answer = ask(range).send().await.expect(206);
        assert_eq!((answer.body.as_str(), answer.header("content-range")), (part, Some(content_range)));
        assert_eq!(answer.header("content-length"), Some(part.len().to_string().as_str()), "{range}");
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    }
    for range in ["bytes=20-", "bytes=99-100", "bytes=-0", "bytes=9-5", "bytes=x"] {
        let page = ask(range).send().await.expect(416);
        assert_eq!(page.header("content-range"), Some("bytes */20"), "{range}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_page(&page);
    }
    // Another unit is none that is known, and a part of nothing is nothing.
    assert_eq!(ask("lines=1-2").send().await.expect(200).body, TEXT);
    let empty = client.request(Method::GET, "/pages/empty.txt").header("range", "bytes=0-").send().await;
    assert_eq!(empty.expect(416).header("content-range"), Some("bytes */0"));

    // A download goes on where it stopped, unless the file is another one by now.
    let whole = client.get("/pages/film.txt").await.expect(200);
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    let [tag, date] = ["etag", "last-modified"].map(|name| whole.header(name).unwrap().to_owned());
    for same in [&tag, &date] {
        ask("bytes=15-").header("if-range", same).send().await.expect(206);
    }
    for other in ["\"another\"", &format!("W/{tag}"), "Sat, 01 Jan 2000 00:00:00 GMT"] {
        assert_eq!(ask("bytes=15-").header("if-range", other).send().await.expect(200).body, TEXT);
    }
    fs::write(folder.path().join("film.txt"), "another film").unwrap();
    let newer = ask("bytes=15-").header("if-range", &tag).send().await.expect(200);
    assert_eq!(newer.body, "another film");
    // Who may not read the file gets no part of it either.
    let part = app.client().request(Method::GET, "/pages/film.txt").header("range", "bytes=0-4").send().await;
    part.to("/login?next=%2Fpages%2Ffilm.txt");
});

on_both_stacks!(page_conditions_are_kept, |stack| async {
    let (_folder, app) = serve(stack, &[("x.txt", TEXT)]).await;
    let (_, client) = app.person("Ada Lovelace").await;
    let whole = client.get("/pages/x.txt").await.expect(200);
    let [tag, date] = ["etag", "last-modified"].map(|name| whole.header(name).unwrap().to_owned());
    let ask = async |name, value: &str| {
        client.request(Method::GET, "/pages/x.txt").header(name, value).send().await
    };
    ask("if-modified-since", &date).await.expect(304);
    ask("if-modified-since", "Sat, 01 Jan 2000 00:00:00 GMT").await.expect(200);
    ask("if-match", &tag).await.expect(200);
    assert_page(&ask("if-match", "\"another\"").await.expect(412));
    assert_page(&ask("if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT").await.expect(412));

    let head = client.request(Method::HEAD, "/pages/x.txt").header("range", "bytes=0-4").send().await;
    let head = head.expect(200);
    assert_eq!((head.body.as_str(), head.header("content-length")), ("", Some("20")));
    for name in ["etag", "last-modified", "content-type", "cache-control", "accept-ranges"] {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    client.request(Method::HEAD, "/pages/none.txt").send().await.expect(404);
});

#[actix_web::test]
async fn large_page_is_sent_in_little_memory() {
    const SIZE: u64 = 256 * 1024 * 1024;
    let folder = TempDir::new().unwrap();
    let mut film = File::create(folder.path().join("film.mp4")).unwrap();
    film.set_len(SIZE).unwrap();
    film.write_all(b"begin").unwrap();
    let program = TestApp::builder(Stack::Sqlite).var("PAGES_DIR", folder.path().display()).start_program();
    let ada = Person::new("Ada Lovelace");
    let client = program.client();
    ada.register(&client).await;
    let before = program.memory();
    // Three who read nothing, beside one who reads all of it.
    let mut unread = Vec::new();
    for _ in 0..3 {
        unread.push(client.request(Method::GET, "/pages/film.mp4").respond().await.unwrap());
    }
    let mut answer = client.request(Method::GET, "/pages/film.mp4").respond().await.unwrap();
    let (mut read, mut most) = (0, 0);
    while let Some(chunk) = answer.chunk().await.unwrap() {
        if read % (16 * 1024 * 1024) < chunk.len() as u64 {
            most = most.max(program.memory());
        }
        read += chunk.len() as u64;
    }
    assert_eq!(read, SIZE);
    let grown = most.saturating_sub(before);
    assert!(grown < 32, "{grown} MiB");
}
