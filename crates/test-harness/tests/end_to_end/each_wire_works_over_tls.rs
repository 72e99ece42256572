//! Every wire over TLS 1.3 and 1.2: the tests' subscribers through a tunnel that speaks TLS for them.

use crate::common::{each_wire_receives, within};
use anyhow::{Context as _, Result, ensure};
use tidewire_test_harness::tls::{
    Certificates, Client, Tunnel,
    rustls::version::{TLS12, TLS13},
};

const MESSAGES: usize = 1_000;

async fn works(certificates: &Certificates, client: Client) -> Result<()> {
    let server = certificates.serve(&[]).await?;
    ensure!(server.output().text().starts_with("listening on https://127.0.0.1:"));
    let tunnel = Tunnel::start(server.address(), client).await?;
    let address = tunnel.address();
    each_wire_receives(address, MESSAGES).await?;
    Ok(())
}

#[tokio::test]
async fn each_wire_works_over_tls_1_3_and_1_2() -> Result<()> {
    within(120, async {
        let certificates = Certificates::new()?;
        for version in [&TLS13, &TLS12] {
            let client = certificates.client_of(&[version])?;
            works(&certificates, client).await.with_context(|| format!("{version:?}"))?;
        }
        Ok(())
    })
    .await
}
