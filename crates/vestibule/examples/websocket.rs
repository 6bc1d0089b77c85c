//! A chat over a `WebSocket`, and the same as an event stream, for whoever is logged in. Who logs out is disconnected at
//! once. `cargo run -p vestibule --example websocket`

use std::{convert::Infallible, env, error::Error, net::SocketAddr, path::PathBuf};

use axum::{
    Router,
    extract::{
        FromRef, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
    },
    response::{
        Response,
        sse::{Event, KeepAlive, Sse},
    },
    routing::get,
};
use futures_util::{Stream, stream};
use tokio::{net::TcpListener, sync::broadcast};
use vestibule::{
    Vestibule,
    http::{extract::LiveCaller, layers::with_policy, state::AuthState},
};

#[derive(Clone)]
struct App {
    vestibule: Vestibule,
    room: broadcast::Sender<String>,
}

impl FromRef<App> for AuthState {
    fn from_ref(app: &App) -> Self {
        app.vestibule.state().clone()
    }
}

/// A browser shows the cookie by itself; a program sends `Authorization`, a page elsewhere the subprotocol `bearer.TOKEN`
/// beside `chat`, which is the one that is agreed on.
async fn chat(upgrade: WebSocketUpgrade, State(app): State<App>, caller: LiveCaller) -> Response {
    upgrade.protocols(["chat"]).on_upgrade(move |socket| converse(socket, app.room, caller))
}

async fn converse(mut socket: WebSocket, room: broadcast::Sender<String>, mut caller: LiveCaller) {
    let name = caller.claims().username.clone().unwrap_or("somebody".into());
    let mut heard = room.subscribe();
    let _ = socket.send(Message::Text(format!("welcome, {name}").into())).await;
    loop {
        tokio::select! {
            // Logged out, revoked, disabled or expired: whatever it is, the conversation is over.
            _ = caller.ended() => {
                let frame = CloseFrame { code: close_code::POLICY, reason: "session ended".into() };
                let _ = socket.send(Message::Close(Some(frame))).await;
                return;
            }
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => {
                    let _ = room.send(format!("{name}: {text}"));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            line = heard.recv() => match line {
                Ok(line) => {
                    if socket.send(Message::Text(line.into())).await.is_err() {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}

/// What is said, for whoever only listens: the stream ends with the session.
async fn listen(
    State(app): State<App>,
    caller: LiveCaller,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let lines = stream::unfold(app.room.subscribe(), async |mut heard| {
        let line = heard.recv().await.ok()?;
        Some((Ok(Event::default().data(line)), heard))
    });
    Sse::new(caller.until_ended(lines)).keep_alive(KeepAlive::default())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(env::var("LISTEN").unwrap_or("127.0.0.1:3000".into())).await?;
    let url = format!("http://{}", listener.local_addr()?);

    // Without DATA_DIR everything is gone when this ends.
    let temporary = tempfile::tempdir()?;
    let data = env::var_os("DATA_DIR").map_or(temporary.path().to_owned(), PathBuf::from);
    let vestibule = Vestibule::builder(&url).open(data).await?;

    let policy = vestibule.state().http().clone();
    let routes =
        Router::new().route("/chat", get(chat)).route("/listen", get(listen)).merge(vestibule.routes());
    let app = App { vestibule, room: broadcast::Sender::new(100) };

    println!("listening  {url}");
    println!(
        r#"
Open {url}/docs, register at POST /api/users/register, and then in the browser's console:

    socket = new WebSocket("{ws}/chat", "chat"); socket.onmessage = m => console.log(m.data)
    socket.onclose = c => console.log("closed", c.code, c.reason)
    socket.send("hello")

or listen:

    curl -N -H "Authorization: Bearer $token" {url}/listen

Log out at POST /api/users/logout: both end at once.
"#,
        ws = url.replacen("http", "ws", 1)
    );
    let service = with_policy(routes.with_state(app), policy);
    axum::serve(listener, service.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}
