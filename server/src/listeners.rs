//! The listeners of a server, but for those of its driver: bound all together at its start, then each handed to a task
//! that accepts.

use std::sync::Arc;

use towline_driver::StartError;
use towline_driver::application::Running;
use towline_driver::connection::{Acceptor, Refusals};
use towline_driver::transport::{Listener, Net};
use tracing::warn;

use crate::descriptors::Room;
use crate::options::Options;
use crate::service::{Message, Service};
use crate::web::{self, Web};

/// The reply to a client for which there is no file descriptor, however many the limit promised at the start.
const NO_DESCRIPTOR: &[u8] =
    b"-ERR max number of clients reached: the server has no file descriptor left\r\n";

/// The listeners for clients and browsers.
pub(crate) struct Listeners {
    clients: Option<Box<dyn Listener>>,
    web: Option<(Box<dyn Listener>, &'static [web::File])>,
}

impl Listeners {
    /// Opens the addresses that the options name.
    pub(crate) async fn open(options: &Options, net: &dyn Net) -> Result<Self, StartError> {
        let named = |option, addr: &str, source| StartError::Listen { option, addr: addr.to_owned(), source };
        let mut clients = None;
        for (index, addr) in options.listen.iter().enumerate() {
            match net.listen(addr).await {
                Ok(listener) => {
                    clients = Some(listener);
                    break;
                }
                Err(error) if index + 1 == options.listen.len() => return Err(named("listen", addr, error)),
                Err(_) => {}
            }
        }
        let mut web = None;
        if let Some(Web { addr, files }) = &options.web {
            let listener = net.listen(addr).await.map_err(|error| named("web", addr, error))?;
            web = Some((listener, *files));
        }
        let exposed = options.exposed(net).collect::<Vec<_>>().join(", listen ");
        if !exposed.is_empty() {
            warn!(
                "insecure: listen {exposed}: no password is asked for, all who can reach it may read and write"
            );
        }
        Ok(Self { clients, web })
    }

    /// Returns the address at which clients connect.
    pub(crate) fn client_addr(&self) -> Option<String> {
        self.clients.as_ref().map(|listener| listener.addr())
    }

    /// Returns the address at which browsers ask.
    pub(crate) fn web_addr(&self) -> Option<String> {
        self.web.as_ref().map(|(listener, _)| listener.addr())
    }

    /// Begins to accept.
    pub(crate) fn serve(self, running: &mut Running<Service>, room: &Room) {
        if let Some(listener) = self.clients {
            let texts = Refusals { full: room.refusal(), no_descriptor: NO_DESCRIPTOR.to_vec() };
            let acceptor = Acceptor::new(Arc::clone(&room.clients), Some(texts), room.replicas.is_some());
            let mailbox = running.mailbox().clone();
            running.spawn(acceptor.accept(listener, move |transport, peer| {
                let mailbox = mailbox.clone();
                async move { mailbox.send(Message::Client { transport, peer }).await }
            }));
        }
        if let Some((listener, files)) = self.web {
            let mailbox = running.mailbox().clone();
            running.spawn(web::serve(listener, files, mailbox));
        }
    }
}
