//! The peer nchan: the configuration of an nginx that has that module.
//!
//! Set for fairness: one worker, as everybody has; publish and subscribe of its own, in memory; no log of
//! requests; a subscriber begins at the newest message, as ours do; a buffer of 4,096 messages, which is more than a
//! measurement has under way, as with a short one it passes over messages for a reader that is behind.

use std::path::Path;

/// The file for nginx, of Debian, that listens on `port` and leaves its files in `folder`.
pub(crate) fn configuration(port: u16, folder: &Path) -> String {
    let folder = folder.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {folder}/{name};\n"))
        .concat();
    format!(
        "load_module {MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  keepalive_timeout 300s;
  tcp_nodelay on;
{paths}  nchan_shared_memory_size 512M;
  nchan_message_buffer_length 4096;
  nchan_message_timeout 60s;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /ws {{
      nchan_subscriber websocket;
      nchan_channel_id fan;
      nchan_subscriber_first_message newest;
    }}
    location = /events {{
      nchan_subscriber eventsource;
      nchan_channel_id fan;
      nchan_subscriber_first_message newest;
    }}
    location = /publish {{ nchan_publisher websocket; nchan_channel_id fan; }}
  }}
}}
"
    )
}

/// Where Debian's package leaves it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
