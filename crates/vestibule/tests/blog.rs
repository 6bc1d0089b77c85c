//! The example `blog`, started as a program and asked over HTTP.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests; the functions they share are not marked as tests"
)]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use vestibule::{
    Scopes, Vestibule,
    core::{administration::Administrator, ports::store::PermissionChange, values::username::LoginName},
};

const PASSWORD: &str = "correct horse battery staple";

/// The program; it ends with the test.
struct Blog {
    program: Child,
    address: String,
    /// Kept open, since the program says more than its first line.
    _output: BufReader<ChildStdout>,
}

impl Drop for Blog {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Blog {
    /// Starts the example, which `cargo test` builds before it runs this, on a free port.
    fn start(folder: &Path) -> Self {
        let own = std::env::current_exe().unwrap();
        let binary = own.ancestors().nth(2).unwrap().join("examples/blog");
        assert!(binary.exists(), "build it first: cargo build -p vestibule --example blog");
        let mut program = Command::new(binary)
            .env("LISTEN", "127.0.0.1:0")
            .env("DATA_DIR", folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(program.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).unwrap().split(',').next().unwrap().to_owned();
        Self { program, address, _output: output }
    }

    /// Sends one request; gives the status and the body.
    fn send(&self, method: &str, path: &str, headers: &[String], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let headers: String = headers.iter().flat_map(|header| [header.as_str(), "\r\n"]).collect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    fn json(&self, method: &str, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        let mut headers = vec!["Content-Type: application/json".to_owned()];
        headers.extend(token.map(|token| format!("Authorization: Bearer {token}")));
        let (status, text) = self.send(method, path, &headers, &body.to_string());
        (status, serde_json::from_str(&text).unwrap_or_default())
    }

    fn register(&self, name: &str) -> String {
        let user = json!({"email": format!("{name}@example.com"), "username": name, "password": PASSWORD});
        assert_eq!(self.json("POST", "/users", None, &user).0, 201);
        self.token_of(name)
    }

    fn authors_sign_with_their_pen_names(&self, ada: &str) {
        let mine = "/users/me/profile";
        assert_eq!(self.json("GET", mine, Some(ada), &Value::Null), (200, json!({"pen_name": null})));
        let (status, problem) = self.json("PUT", mine, Some(ada), &json!({"pen_name": "x".repeat(41)}));
        assert_eq!((status, &problem["errors"][0]["field"]), (400, &json!("profile.pen_name")));
        assert_eq!(problem["code"], "pen_name_invalid");
        let pen_name = json!({"pen_name": " The <Countess> ", "permissions": ["admin"]});
        assert_eq!(self.json("PUT", mine, Some(ada), &pen_name).1, json!({"pen_name": "The <Countess>"}));
        let account = self.json("GET", "/users/me", Some(ada), &Value::Null).1;
        assert_eq!(
            (&account["profile"]["pen_name"], &account["permissions"]),
            (&json!("The <Countess>"), &json!([]))
        );
        let post = json!({"slug": "signed", "title": "Signed", "body": "!"});
        assert_eq!(self.json("POST", "/blogs", Some(ada), &post).1["author"], "The <Countess>");
        let page = self.send("GET", "/", &[], "").1;
        assert!(page.contains("Signed</a> by The &lt;Countess&gt;"), "{page}");

        let eve = json!({"email": "eve@example.com", "username": "eve", "password": PASSWORD,
            "profile": {"pen_name": "Evelyn"}});
        assert_eq!(self.json("POST", "/users", None, &eve).1["profile"], json!({"pen_name": "Evelyn"}));
        let description: Value = serde_json::from_str(&self.send("GET", "/openapi.json", &[], "").1).unwrap();
        let put = &description["paths"]["/users/{id}/profile"]["put"]["requestBody"];
        assert_eq!(put["content"]["application/json"]["schema"]["$ref"], "#/components/schemas/Profile");
        assert!(description["components"]["schemas"]["Profile"]["properties"]["pen_name"].is_object());
    }

    /// A token, from where the documentation's Authorize dialog has it.
    fn token_of(&self, name: &str) -> String {
        let form = ["Content-Type: application/x-www-form-urlencoded".to_owned()];
        let form_body = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
        let (status, text) = self.send("POST", "/token", &form, &form_body);
        assert_eq!(status, 200, "{text}");
        let tokens: Value = serde_json::from_str(&text).unwrap();
        tokens["access_token"].as_str().unwrap().to_owned()
    }
}

/// What an operator does while the program does not run.
fn make_administrator(folder: &Path, name: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let vestibule = Vestibule::builder("http://127.0.0.1:3000").open(folder).await.unwrap();
        let (engine, operator) = (vestibule.auth(), Administrator::operator());
        let account = engine.find_account_by_name(&operator, &LoginName::read(name)).await.unwrap();
        let admin = PermissionChange::Add(Scopes::read("admin"));
        engine.change_permissions(&operator, account.id, admin).await.unwrap();
        vestibule.close().await;
    });
}

#[test]
fn the_blog_does_what_its_ancestor_did() {
    let folder = tempfile::tempdir().unwrap();
    let blog = Blog::start(folder.path());
    let (ada, bob) = (blog.register("ada"), blog.register("bob"));

    let post = json!({"slug": "hello", "title": "Hello <b>", "body": "World"});
    assert_eq!(blog.json("POST", "/blogs", None, &post).0, 401);
    let (status, made) = blog.json("POST", "/blogs", Some(&ada), &post);
    assert_eq!((status, &made["author"]), (201, &json!("ada")));
    let (status, problem) = blog.json("POST", "/blogs", Some(&bob), &post);
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    let bad = json!({"slug": "No Slug", "title": "x", "body": "x"});
    assert_eq!(blog.json("POST", "/blogs", Some(&ada), &bad).0, 400);
    let (status, problem) = blog.json("POST", "/blogs", Some(&ada), &json!({"slug": 1, "title": ""}));
    let wrong: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| &one["field"]).collect();
    assert_eq!((status, wrong), (422, vec![&json!("slug"), &json!("title"), &json!("body")]));

    let edit = json!({"title": "Hello again <b>", "body": "!"});
    assert_eq!(blog.json("PUT", "/blogs/hello", Some(&bob), &edit).0, 403);
    assert_eq!(blog.json("PUT", "/blogs/nothing", Some(&ada), &edit).0, 404);
    assert_eq!(blog.json("PUT", "/blogs/hello", Some(&ada), &edit).1["title"], "Hello again <b>");
    assert_eq!(blog.json("DELETE", "/blogs/hello", Some(&bob), &Value::Null).0, 403);

    let (status, page) = blog.send("GET", "/", &[], "");
    assert!(status == 200 && page.contains("Hello again &lt;b&gt;</a> by ada"), "{page}");

    blog.authors_sign_with_their_pen_names(&ada);

    let description: Value = serde_json::from_str(&blog.send("GET", "/openapi.json", &[], "").1).unwrap();
    let tags: Vec<_> = description["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    assert_eq!(tags, ["blogs", "users", "auth"]);
    for (path, method, schema) in [("/blogs", "post", "NewPost"), ("/blogs/{slug}", "put", "Edit")] {
        let body = &description["paths"][path][method]["requestBody"]["content"]["application/json"];
        assert_eq!(body["schema"]["$ref"], format!("#/components/schemas/{schema}"));
    }
    for (path, tag) in [("/blogs/{slug}", "blogs"), ("/users/me", "users")] {
        assert_eq!(description["paths"][path]["get"]["tags"], json!([tag]));
    }
    let scheme = &description["components"]["securitySchemes"]["OAuth2PasswordBearer"];
    assert_eq!(scheme["flows"]["password"]["tokenUrl"], "/token");
    assert_eq!(blog.send("GET", "/docs/", &[], "").0, 200);

    // Users and posts outlive the program; tokens are for the address they were issued at.
    drop(blog);
    make_administrator(folder.path(), "bob");
    let blog = Blog::start(folder.path());
    let (ada, bob) = (blog.token_of("ada"), blog.token_of("bob"));
    assert_eq!(blog.json("PUT", "/blogs/signed", Some(&bob), &edit).0, 403, "what others wrote stays theirs");
    assert_eq!(blog.json("DELETE", "/blogs/signed", Some(&bob), &Value::Null).0, 204);
    assert_eq!(blog.json("GET", "/blogs/hello", None, &Value::Null).1["title"], "Hello again <b>");
    assert_eq!(blog.json("DELETE", "/blogs/hello", Some(&ada), &Value::Null).0, 204);
    assert_eq!(blog.json("GET", "/blogs/hello", None, &Value::Null).0, 404);
}
