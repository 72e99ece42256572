//! Readers that want everything from the beginning, as fast as they get it.

use crate::hostile::attacker::{Aftermath, Target, ask, get};
use anyhow::Result;
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::{task::spawn_local, time::timeout};

pub(in crate::hostile) async fn earliest(target: Target) -> Result<Aftermath> {
    resume(target, 8, "/stream?channel=%3E&since=earliest").await
}

pub(in crate::hostile) async fn cold(target: Target) -> Result<Aftermath> {
    resume(target, 4, "/stream?channel=cold.*&since=earliest").await
}

/// A number of clients read from the beginning, again and again.
async fn resume(target: Target, clients: usize, path: &str) -> Result<Aftermath> {
    let bytes = Rc::new(Cell::new(0));
    let mut tasks = Vec::new();
    for _ in 0..clients {
        let mut socket = target.connect().await?;
        let (request, bytes) = (get(path), Rc::clone(&bytes));
        tasks.push(spawn_local(async move {
            tokio::io::AsyncWriteExt::write_all(&mut socket, &request).await?;
            let mut buffer = vec![0; 64 << 10];
            loop {
                match tokio::io::AsyncReadExt::read(&mut socket, &mut buffer).await? {
                    0 => return Ok::<_, anyhow::Error>(()),
                    more => bytes.set(bytes.get() + more),
                }
            }
        }));
    }
    tokio::time::sleep(target.left()).await;
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    let note = format!("{} MB read", bytes.get() >> 20);
    Ok(Aftermath { note, ..Aftermath::default() })
}

pub(in crate::hostile) async fn tombstones(target: Target) -> Result<Aftermath> {
    let request = get("/channels/gone.%3E/messages?since=earliest");
    let mut socket = target.connect().await?;
    let mut pages = 0;
    let mut faults = Vec::new();
    while !target.is_over() {
        match timeout(Duration::from_secs(10), ask(&mut socket, &request)).await? {
            Ok((200, _)) => pages += 1,
            Ok((status, _)) => {
                faults.push(format!("a page is answered with {status}"));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Aftermath { note: format!("{pages} pages"), faults, held: vec![socket] })
}
