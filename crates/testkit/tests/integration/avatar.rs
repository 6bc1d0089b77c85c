//! Pictures of accounts: drawn anew, seen by everybody, changed by few (SPEC §1.3).

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use serde_json::json;
use vestibule_testkit::{Answer, Client, RequestBuilder, TestApp, faults::Fault};

use super::{
    account_changes::{admin_of, id_of},
    database,
};

const BOUNDARY: &str = "a-boundary";

/// A form with one file.
pub(super) fn upload(request: RequestBuilder, name: &str, file: &[u8]) -> RequestBuilder {
    form(request, &[part(name, file)])
}

fn part(name: &str, file: &[u8]) -> Vec<u8> {
    let head = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"../x.svg\"\r\n\
         Content-Type: image/svg+xml\r\n\r\n"
    );
    [head.as_bytes(), file, b"\r\n"].concat()
}

fn form(request: RequestBuilder, parts: &[Vec<u8>]) -> RequestBuilder {
    let end = format!("--{BOUNDARY}--\r\n");
    let body = [parts.concat(), end.into_bytes()].concat();
    request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}")).body(body)
}

/// A picture with as many pixels, all of them green.
pub(super) fn png(width: u32, height: u32) -> Vec<u8> {
    picture(width, height, ImageFormat::Png)
}

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let green = RgbImage::from_pixel(width, height, image::Rgb([0, 128, 0]));
    let mut file = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(green).write_to(&mut file, format).unwrap();
    file.into_inner()
}

async fn stage() -> (TestApp, Client, String) {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let path = format!("/api/v1/users/{}/avatar", id_of(&ada).await);
    (app, ada, path)
}

async fn set(client: &Client, path: &str, file: &[u8]) -> Answer {
    upload(client.post(path), "file", file).await
}

#[tokio::test]
async fn a_picture_is_drawn_anew_and_shown_to_everybody() {
    let (app, ada, path) = stage().await;
    let anybody = app.client();
    let _ = anybody.get(&path).await.expect_problem(404, "not_found");
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
        let answer = set(&ada, &path, &picture(1000, 500, format)).await.expect(200);
        assert_eq!(answer.text(), "null");
        let shown = anybody.get(&path).await.expect(200);
        for (name, value) in [
            ("content-type", "image/jpeg"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "public, no-cache"),
            ("content-security-policy", "default-src 'none'; sandbox; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "cross-origin"),
        ] {
            assert_eq!(shown.header(name), Some(value), "{format:?} {name}");
        }
        let seen = image::load_from_memory_with_format(&shown.body, ImageFormat::Jpeg).unwrap().to_rgb8();
        assert_eq!(seen.dimensions(), (512, 256), "{format:?}");
        let [red, green, blue] = seen.get_pixel(100, 100).0;
        assert!(red < 12 && green.abs_diff(128) < 12 && blue < 12, "{format:?}: {red} {green} {blue}");
    }
    assert!(app.audit().await.iter().any(|event| event.kind == "avatar_changed"));
    let _ = ada.delete(&path).await.expect(204);
    let _ = anybody.get(&path).await.expect_problem(404, "not_found");
    let _ = ada.delete(&path).await.expect_problem(404, "not_found");
    assert!(app.audit().await.iter().any(|event| event.detail == "deleted"));
}

#[tokio::test]
async fn caches_ask_whether_it_is_still_the_one() {
    let (app, ada, path) = stage().await;
    let _ = set(&ada, &path, &png(4, 4)).await.expect(200);
    let first = app.client().get(&path).await.expect(200);
    let etag = first.header("etag").unwrap().to_owned();
    let known = async |tags: &str| app.client().get(&path).header("if-none-match", tags).await;
    for tags in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let answer = known(&tags).await.expect(304);
        assert!(answer.body.is_empty());
        assert_eq!(answer.header("etag"), Some(etag.as_str()));
        assert_eq!(answer.header("cache-control"), Some("public, no-cache"));
    }
    for tags in ["\"x\"", "", &etag.replace('"', "")] {
        let _ = known(tags).await.expect(200);
    }
    let _ = set(&ada, &path, &png(5, 5)).await.expect(200);
    assert_ne!(known(&etag).await.expect(200).header("etag"), Some(etag.as_str()));
}

/// T16, better-auth CVE-2025-61928: whose it is stands in the token, and nobody else changes it but administrators.
#[tokio::test]
async fn t16_a_picture_is_changed_by_its_owner_and_by_administrators_alone() {
    let (app, ada, path) = stage().await;
    let _ = set(&ada, &path, &png(4, 4)).await.expect(200);
    let eve = app.client().registered("eve").await;
    let _ = set(&app.client(), &path, &png(5, 5)).await.expect_problem(401, "not_authenticated");
    let _ = set(&eve, &path, &png(5, 5)).await.expect_problem(403, "forbidden");
    let _ = eve.delete(&path).await.expect_problem(403, "forbidden");
    let root = admin_of(&app).await;
    let nobody = "/api/v1/users/0190163d-8694-739b-aea5-966c26f8ad91/avatar";
    let _ = set(&root, nobody, &png(5, 5)).await.expect_problem(404, "not_found");
    let _ = root.delete(nobody).await.expect_problem(404, "not_found");
    let _ = app.client().get(nobody).await.expect_problem(404, "not_found");
    let _ = app.client().get("/api/v1/users/me/avatar").await.expect_problem(404, "not_found");
    let before = app.client().get(&path).await.expect(200);
    let _ = set(&root, &path, &png(6, 6)).await.expect(200);
    assert_ne!(app.client().get(&path).await.expect(200).body, before.body);
    // Whoever is banned is not seen.
    let id = id_of(&ada).await;
    let _ = root.post(&format!("/api/users/{id}/blacklist")).await.expect(200);
    let _ = app.client().get(&path).await.expect_problem(404, "not_found");
    let _ = root.delete(&path).await.expect(204);
}

/// What is no picture stays out, and what is one and something else is only a picture afterwards.
#[tokio::test]
async fn what_is_no_picture_is_refused_and_what_is_more_is_neutralised() {
    let (app, ada, path) = stage().await;
    let mut bomb = png(8, 8);
    // It says that it is as wide as it is not; the checksum of its head is not even looked at before.
    bomb[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    let before = database::contents(&app);
    for file in [
        &b""[..],
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert('cAnArY')</script></svg>",
        b"<!doctype html><script>alert('cAnArY')</script>",
        b"GIF89a",
        &png(8, 8)[..40],
        &bomb,
    ] {
        let answer = set(&ada, &path, file).await.expect_problem(400, "invalid_image");
        assert!(!answer.text().contains("cAnArY"), "{}", answer.text());
    }
    assert_eq!(database::contents(&app), before);
    let polyglot = [png(8, 8), b"<script>alert('cAnArY')</script>".to_vec()].concat();
    let _ = set(&ada, &path, &polyglot).await.expect(200);
    let shown = app.client().get(&path).await.expect(200);
    assert!(!shown.body.windows(6).any(|window| window == b"cAnArY"));
}

#[tokio::test]
async fn a_form_has_one_file_of_at_most_5_mib() {
    let (_app, ada, path) = stage().await;
    let file = png(8, 8);
    let padded = |length: usize| [&file[..], &vec![0; length - file.len()]].concat();
    let most = 5 * 1024 * 1024;
    let _ = set(&ada, &path, &padded(most)).await.expect(200);
    let _ = set(&ada, &path, &padded(most + 1)).await.expect_problem(413, "payload_too_large");
    let _ = set(&ada, &path, &padded(most + 64 * 1024)).await.expect_problem(413, "payload_too_large");
    let answer = upload(ada.post(&path), "picture", &file).await.expect_problem(422, "validation_failed");
    assert_eq!(answer.json()["errors"][0]["field"], "file");
    let twice = form(ada.post(&path), &[part("file", &file), part("file", &file)]).await;
    let _ = twice.expect_problem(400, "malformed_body");
    let others = form(ada.post(&path), &[part("name", b"x"), part("file", &file), part("id", b"x")]).await;
    let _ = others.expect(200);
    for (media_type, body) in [("multipart/form-data; boundary=x", "--x\r\n"), ("multipart/form-data", "")] {
        let request = ada.post(&path).header("content-type", media_type).body(body);
        let _ = request.await.expect_problem(400, "malformed_body");
    }
    for media_type in ["application/json", "image/png", "text/plain", ""] {
        let request = ada.post(&path).header("content-type", media_type).body(file.clone());
        let _ = request.await.expect_problem(415, "unsupported_media_type");
    }
}

/// T35, RUSTSEC-2022-0055: the other routes take no more than they did.
#[tokio::test]
async fn t35_only_pictures_may_be_large() {
    let (_app, ada, path) = stage().await;
    for (request, length) in [
        (ada.post("/api/users/delete"), 64 * 1024 + 1),
        (ada.delete(&path), 64 * 1024 + 1),
        (ada.post(&path), 5 * 1024 * 1024 + 16 * 1024 + 1),
    ] {
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        let _ = request.body(vec![0; length]).await.expect_problem(413, "payload_too_large");
    }
}

/// However many send a picture at once, memory is bounded, and who is told to wait is told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_pictures_at_once_are_asked_to_wait() {
    let (app, ada, path) = stage().await;
    let seats: Vec<_> = (0..8).map(|_| app.auth().receive_avatar().unwrap()).collect();
    let answer = set(&ada, &path, &png(4, 4)).await.expect_problem(503, "overloaded");
    assert_eq!(answer.header("retry-after"), Some("2"));
    drop(seats);
    let uploads = (0..24).map(|_| {
        let (ada, path) = (ada.copy(), path.clone());
        tokio::spawn(async move { set(&ada, &path, &png(600, 600)).await.status.as_u16() })
    });
    let mut statuses = Vec::new();
    for upload in uploads.collect::<Vec<_>>() {
        statuses.push(upload.await.unwrap());
    }
    assert!(
        statuses.iter().all(|status| [200, 503].contains(status)) && statuses.contains(&200),
        "{statuses:?}"
    );
    let _ = set(&ada, &path, &png(4, 4)).await.expect(200);
}

#[tokio::test]
async fn t58_an_outage_is_no_picture() {
    let (app, ada, path) = stage().await;
    for method in ["find_account", "put_avatar"] {
        app.store().fail(method, Fault::Before);
        let _ = set(&ada, &path, &png(4, 4)).await.expect_problem(503, "unavailable");
        app.store().heal();
    }
    let _ = app.client().get(&path).await.expect_problem(404, "not_found");
    app.store().fail("find_avatar", Fault::Before);
    let _ = app.client().get(&path).await.expect_problem(503, "unavailable");
}

#[tokio::test]
async fn an_export_says_that_there_is_a_picture() {
    let (_app, ada, path) = stage().await;
    let export = async || ada.get("/api/users/export").await.expect(200).json()["avatar"].clone();
    assert_eq!(export().await, json!(null));
    let _ = set(&ada, &path, &png(4, 4)).await.expect(200);
    let size = ada.get(&path).await.body.len();
    let facts = json!({"media_type": "image/jpeg", "size": size, "changed_at": "2026-01-01T00:00:00.000Z"});
    assert_eq!(export().await, facts);
}
