//! TLS from outside: certificates of our own making, clients that trust them, and a tunnel for those that speak none.

pub use tokio_rustls::{client::TlsStream, rustls};

use crate::server::Server;
use anyhow::{Context as _, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        version::{TLS12, TLS13},
    },
};

/// An authority, and in a folder the files of the certificate that it has signed last.
pub struct Certificates {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Certificates {
    /// A new authority, and a certificate for `localhost` and 127.0.0.1.
    ///
    /// # Errors
    ///
    /// The files cannot be written.
    pub fn new() -> Result<Self> {
        let mut parameters = CertificateParams::new([])?;
        parameters.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;
        let certificates = Self { authority, folder: tempfile::tempdir()? };
        fs::write(certificates.root(), certificates.authority.pem())?;
        certificates.renew()?;
        Ok(certificates)
    }

    /// Puts another certificate and its key into the place of those before. Returns the certificate as it is sent.
    ///
    /// # Errors
    ///
    /// The files cannot be written.
    pub fn renew(&self) -> Result<Vec<u8>> {
        let key = KeyPair::generate()?;
        let names = ["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
        let mut parameters = CertificateParams::new(names)?;
        // Not that of the authority: to OpenSSL it would have signed itself.
        parameters.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = parameters.signed_by(&key, &self.authority)?;
        replace(&self.certificate(), &certificate.pem())?;
        replace(&self.key(), &key.serialize_pem())?;
        Ok(certificate.der().to_vec())
    }

    /// The file of the server's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The file of its key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// The file of the certificate to trust.
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// A server that shows it, with these arguments too.
    ///
    /// # Errors
    ///
    /// As for [`Server::start`].
    pub async fn serve(&self, arguments: &[&str]) -> Result<Server> {
        let own = self.arguments();
        let own = own.iter().map(String::as_str);
        Server::start(&own.chain(arguments.iter().copied()).collect::<Vec<_>>()).await
    }

    /// What `tidewire serve` takes to show the certificate.
    pub fn arguments(&self) -> [String; 4] {
        let path = |path: PathBuf| path.display().to_string();
        let (certificate, key) = (path(self.certificate()), path(self.key()));
        ["--tls-certificate".to_owned(), certificate, "--tls-key".to_owned(), key]
    }

    /// A client that trusts it, with a memory of sessions of its own.
    ///
    /// # Errors
    ///
    /// The certificate is none.
    pub fn client(&self) -> Result<Client> {
        self.client_of(&[&TLS13, &TLS12])
    }

    /// The same for these versions alone.
    ///
    /// # Errors
    ///
    /// The certificate is none.
    pub fn client_of(&self, versions: &[&'static SupportedProtocolVersion]) -> Result<Client> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_protocol_versions(versions)?;
        let config = builder.with_root_certificates(roots).with_no_client_auth();
        Ok(Client(Arc::new(config)))
    }
}

/// Moves a new file into the place of the old one, so that nobody reads half of it.
fn replace(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, text)?;
    Ok(fs::rename(new, path)?)
}

/// Opens TLS connections; cloning gives another handle of the same memory of sessions.
#[derive(Clone)]
pub struct Client(Arc<ClientConfig>);

impl Client {
    /// A connection after its handshake.
    ///
    /// # Errors
    ///
    /// The server is not there, or its certificate is not trusted.
    pub async fn connect(&self, address: SocketAddr) -> Result<TlsStream<TcpStream>> {
        let tcp = TcpStream::connect(address).await.context("connecting")?;
        self.shake_hands(tcp).await
    }

    /// The same over a connection that is there.
    ///
    /// # Errors
    ///
    /// The server's certificate is not trusted, or it speaks no TLS.
    pub async fn shake_hands(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>> {
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.0));
        connector.connect("localhost".try_into()?, tcp).await.context("the TLS handshake")
    }

    /// The same client, which offers HTTP/2 alone.
    #[must_use]
    pub fn offering_http2(&self) -> Self {
        let mut config = ClientConfig::clone(&self.0);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self(Arc::new(config))
    }

    /// The first flight of a handshake: a `ClientHello` in its record.
    ///
    /// # Errors
    ///
    /// There is no randomness.
    pub fn hello(&self) -> Result<Vec<u8>> {
        let mut hello = Vec::new();
        let mut session =
            rustls::ClientConnection::new(Arc::clone(&self.0), "localhost".try_into()?)?;
        session.write_tls(&mut hello)?;
        Ok(hello)
    }
}

/// Takes plain connections, and passes on what they send over TLS. It ends with this.
pub struct Tunnel {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Tunnel {
    /// A tunnel to `target`.
    ///
    /// # Errors
    ///
    /// There is no port.
    pub async fn start(target: SocketAddr, client: Client) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((mut plain, _)) = listener.accept().await {
                let client = client.clone();
                tokio::spawn(async move {
                    if let Ok(mut tls) = client.connect(target).await {
                        // Either end may break off.
                        let _ = copy_bidirectional(&mut plain, &mut tls).await;
                    }
                });
            }
        });
        Ok(Self { address, task })
    }

    /// Where it takes connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}
