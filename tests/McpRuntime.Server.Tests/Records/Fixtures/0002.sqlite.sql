BEGIN TRANSACTION;
CREATE TABLE "__EFMigrationsHistory" (
    "MigrationId" TEXT NOT NULL CONSTRAINT "PK___EFMigrationsHistory" PRIMARY KEY,
    "ProductVersion" TEXT NOT NULL
);
INSERT INTO "__EFMigrationsHistory" VALUES('20261122000001_Records','10.0.14');
INSERT INTO "__EFMigrationsHistory" VALUES('20261122000002_Approvals','10.0.14');
CREATE TABLE "__EFMigrationsLock" (
    "Id" INTEGER NOT NULL CONSTRAINT "PK___EFMigrationsLock" PRIMARY KEY,
    "Timestamp" TEXT NOT NULL
);
CREATE TABLE approvals (
    id TEXT NOT NULL CONSTRAINT "PK_approvals" PRIMARY KEY,
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    status TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    reviewed_by TEXT NOT NULL,
    requested_reason TEXT NULL,
    decision_reason TEXT NULL,
    approvers TEXT NOT NULL,
    rule_snapshot TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    pin TEXT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    reviewed_at INTEGER NULL, required_approvals INTEGER NULL, escalate_at INTEGER NULL,
    CONSTRAINT "FK_approvals_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);
CREATE TABLE audit (
    sequence INTEGER NOT NULL CONSTRAINT "PK_audit" PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    address TEXT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    before TEXT NULL,
    after TEXT NULL
);
INSERT INTO "audit" VALUES(1,1795577488969,'admin','rest','127.0.0.1','runtime.create','01m88c49j9yj581s36tj18je19','ok',NULL,'v1:51ca5d9783ee31e7c24e7131b40e1f9a3e71d5b30c6a49766ee93f02311b7654');
INSERT INTO "audit" VALUES(2,1795577509833,'admin','rest','127.0.0.1','runtime.update','01m88c49j9yj581s36tj18je19','ok','v1:51ca5d9783ee31e7c24e7131b40e1f9a3e71d5b30c6a49766ee93f02311b7654','v1:199e672b7890e1c0a8ffe6840585aaaf09afb3ae7a38cbbe26694a416170d8b5');
INSERT INTO "audit" VALUES(3,1795577523142,'admin','rest','127.0.0.1','runtime.create','01m88c5ay6mv6jwzj661gw90nm','ok',NULL,'v1:14028019a0b9e2d768d09a27224d1beed09595b6fc1fd1c75d035d28301f1429');
INSERT INTO "audit" VALUES(4,1795577537164,'admin','rest','127.0.0.1','runtime.stop','01m88c5ay6mv6jwzj661gw90nm','ok',NULL,NULL);
INSERT INTO "audit" VALUES(5,1795577537208,'admin','rest','127.0.0.1','runtime.create','01m88c5rnr7tmfrsrz97mzawtj','ok',NULL,'v1:8a6be4dfaa7bf7e0f3a627e53e92820ac0d3591ef6bfccb538ce48c883854ceb');
INSERT INTO "audit" VALUES(6,1795577537299,'admin','rest','127.0.0.1','runtime.delete','01m88c5rnr7tmfrsrz97mzawtj','ok',NULL,NULL);
CREATE TABLE events (
    runtime_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    actor TEXT NOT NULL,
    CONSTRAINT "PK_events" PRIMARY KEY (runtime_id, sequence),
    CONSTRAINT "FK_events_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',1,1795577488969,'Accepted','Generation 1 was accepted from rest.','admin');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',2,1795577499099,'Resolved','Generation 1 is pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',3,1795577504168,'ImageCreated','image-c8e45265 was created.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',4,1795577504808,'NetworkCreated','mcp-36tj18je19-net-open was created.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',5,1795577505525,'ContainerCreated','mcp-36tj18je19-c6626ce8 was created.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',6,1795577508308,'Promoted','Generation 1 passed its handshake and serves.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',7,1795577508308,'Verified','mcp-36tj18je19-c6626ce8 answered the MCP handshake as sample-server 1.0.0.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',8,1795577508699,'RouteCreated','route-01m88c49j9yj581s36tj18je19 was created.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',9,1795577509833,'Accepted','Generation 2 was accepted from rest.','admin');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',10,1795577515400,'Resolved','Generation 2 is pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',11,1795577520805,'ContainerCreated','mcp-36tj18je19-bf451c0d was created.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',12,1795577523067,'Promoted','Generation 2 passed its handshake and serves.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',13,1795577523086,'RouteUpdated','route-01m88c49j9yj581s36tj18je19 was brought to what is asked now.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',1,1795577523142,'Accepted','Generation 1 was accepted from rest.','admin');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',2,1795577528265,'Resolved','Generation 1 is pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.','system');
INSERT INTO "events" VALUES('01m88c49j9yj581s36tj18je19',14,1795577528395,'ContainerRemoved','mcp-36tj18je19-c6626ce8 was removed (Surplus).','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',3,1795577533294,'ImageCreated','image-c8e45265 was created.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',4,1795577533528,'NetworkCreated','mcp-j661gw90nm-net-open was created.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',5,1795577534297,'ContainerCreated','mcp-j661gw90nm-f185fd93 was created.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',6,1795577536597,'Promoted','Generation 1 passed its handshake and serves.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',7,1795577536597,'Verified','mcp-j661gw90nm-f185fd93 answered the MCP handshake as sample-server 1.0.0.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',8,1795577536606,'RouteCreated','route-01m88c5ay6mv6jwzj661gw90nm was created.','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',9,1795577537164,'StopRequested','Stopping.','admin');
INSERT INTO "events" VALUES('01m88c5rnr7tmfrsrz97mzawtj',1,1795577537208,'Accepted','Generation 1 was accepted from rest.','admin');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',10,1795577537272,'RouteRemoved','route-01m88c5ay6mv6jwzj661gw90nm was removed (Stopped).','system');
INSERT INTO "events" VALUES('01m88c5rnr7tmfrsrz97mzawtj',2,1795577537299,'DeleteRequested','Deletion was asked for.','admin');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',11,1795577537818,'ContainerRemoved','mcp-j661gw90nm-f185fd93 was removed (Stopped).','system');
INSERT INTO "events" VALUES('01m88c5ay6mv6jwzj661gw90nm',12,1795577537877,'VerificationLost','Nothing runs that could be asked.','system');
INSERT INTO "events" VALUES('01m88c5rnr7tmfrsrz97mzawtj',3,1795577542333,'Resolved','Generation 1 is pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.','system');
INSERT INTO "events" VALUES('01m88c5rnr7tmfrsrz97mzawtj',4,1795577543357,'Deleted','Nothing is left of it.','system');
CREATE TABLE idempotency (
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    message TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT "PK_idempotency" PRIMARY KEY (subject, key)
);
INSERT INTO "idempotency" VALUES('admin','fixture','76db1f40378f9e606159a5a7af4ae19ca4a9e5539d7df1ed17a2392a0d79e55b','01m88c5ay6mv6jwzj661gw90nm',1,1,1,'Accepted; it is being deployed.',1795577523142);
CREATE TABLE leases (
    name TEXT NOT NULL CONSTRAINT "PK_leases" PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    beat INTEGER NOT NULL
);
INSERT INTO "leases" VALUES('controller','',1,29);
CREATE TABLE profile_versions (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    recommended_backends TEXT NOT NULL,
    config TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT "PK_profile_versions" PRIMARY KEY (name, version)
);
CREATE TABLE profiles (
    name TEXT NOT NULL CONSTRAINT "PK_profiles" PRIMARY KEY,
    version INTEGER NOT NULL,
    owner TEXT NOT NULL,
    deleted_at INTEGER NULL
);
CREATE TABLE revisions (
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    spec TEXT NOT NULL,
    environment TEXT NULL,
    guardrails TEXT NOT NULL,
    facts TEXT NULL,
    content_hash TEXT NOT NULL,
    approval_id TEXT NULL,
    failed_reason TEXT NULL,
    failed_message TEXT NULL,
    first_put_at INTEGER NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL, promoted_at INTEGER NULL,
    CONSTRAINT "PK_revisions" PRIMARY KEY (runtime_id, generation),
    CONSTRAINT "FK_revisions_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);
INSERT INTO "revisions" VALUES('01m88c49j9yj581s36tj18je19',1,'superseded','{"source":{"type":"docker","image":"docker.io/mcpruntime/sample-server:latest"},"catalog":{"id":"sample-server","name":"Sample server","description":"A small MCP server in C#. It greets, adds, and tries what the guardrails should stop.","category":"Samples","tags":["sample","csharp"],"deprecated":false,"featured":true,"source":{"type":"docker","image":"mcpruntime/sample-server:latest"},"supported_backends":["docker","kubernetes"],"guardrails_profile":"standard","requires_approval":false,"endpoint_port":8080,"endpoint_path":"/mcp","environment":[],"disable_network":false,"volumes":[],"origin":"file","is_remote":false},"guardrails_profile":"standard","volumes":[],"register_gateway":true,"endpoint_port":8080,"endpoint_path":"/mcp","visibility":"public","tags":["kept"],"metadata":{}}','{"GREETING":{"sealed":"AUC/LLfDePrzO1ImBZVmRPBxvO7EJ9W0eFBGP/GhAP5p5YUcrLZQlzebSQ=="}}','{"profile":"standard","profile_version":1,"config":{"network":{"egress_allowed":true,"allowed_hosts":[],"ingress_ports":[8080]},"filesystem":{"read_only_root":true,"allowed_mounts":["/cache","/data"]},"capabilities":{"drop_all":true,"add":["NET_BIND_SERVICE"]},"resources":{"cpu":"0.5","memory":"512m","max_pids":100},"seccomp":"runtime/default","apparmor":"mcp-standard","process":{"run_as_non_root":false,"no_new_privileges":true},"images":{"require_digest":false}},"loosened":[]}','{"pin":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","pin_is_registry_digest":false,"image":{"image_id":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","user":"10001:10001","exposed_ports":[8080],"volumes":[],"entrypoint":["/app/sample-server"],"command":[],"architecture":"amd64","environment":["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin","DOTNET_ROOT=/usr/share/dotnet","DOTNET_EnableDiagnostics=0","DOTNET_TieredPGO=0"]}}','v1:51ca5d9783ee31e7c24e7131b40e1f9a3e71d5b30c6a49766ee93f02311b7654',NULL,NULL,NULL,1795577499440,'admin',1795577488969,1795577508308);
INSERT INTO "revisions" VALUES('01m88c49j9yj581s36tj18je19',2,'serving','{"source":{"type":"docker","image":"docker.io/mcpruntime/sample-server:latest"},"catalog":{"id":"sample-server","name":"Sample server","description":"A small MCP server in C#. It greets, adds, and tries what the guardrails should stop.","category":"Samples","tags":["sample","csharp"],"deprecated":false,"featured":true,"source":{"type":"docker","image":"mcpruntime/sample-server:latest"},"supported_backends":["docker","kubernetes"],"guardrails_profile":"standard","requires_approval":false,"endpoint_port":8080,"endpoint_path":"/mcp","environment":[],"disable_network":false,"volumes":[],"origin":"file","is_remote":false},"guardrails_profile":"standard","volumes":[],"register_gateway":true,"endpoint_port":8080,"endpoint_path":"/mcp","visibility":"public","tags":["kept"],"metadata":{}}','{"GREETING":{"sealed":"ASSm84Osmze4GG26j1t97j\u002Bh7JfSxsuY75GRLFFuhG1icBJMrbhgjA47FKBg"}}','{"profile":"standard","profile_version":1,"config":{"network":{"egress_allowed":true,"allowed_hosts":[],"ingress_ports":[8080]},"filesystem":{"read_only_root":true,"allowed_mounts":["/cache","/data"]},"capabilities":{"drop_all":true,"add":["NET_BIND_SERVICE"]},"resources":{"cpu":"0.5","memory":"512m","max_pids":100},"seccomp":"runtime/default","apparmor":"mcp-standard","process":{"run_as_non_root":false,"no_new_privileges":true},"images":{"require_digest":false}},"loosened":[]}','{"pin":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","pin_is_registry_digest":false,"image":{"image_id":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","user":"10001:10001","exposed_ports":[8080],"volumes":[],"entrypoint":["/app/sample-server"],"command":[],"architecture":"amd64","environment":["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin","DOTNET_ROOT=/usr/share/dotnet","DOTNET_EnableDiagnostics=0","DOTNET_TieredPGO=0"]}}','v1:199e672b7890e1c0a8ffe6840585aaaf09afb3ae7a38cbbe26694a416170d8b5',NULL,NULL,NULL,1795577515513,'admin',1795577509833,1795577523067);
INSERT INTO "revisions" VALUES('01m88c5ay6mv6jwzj661gw90nm',1,'serving','{"source":{"type":"docker","image":"docker.io/mcpruntime/sample-server:latest","command":["--x","y"]},"guardrails_profile":"standard","volumes":[],"register_gateway":true,"visibility":"public","tags":[],"metadata":{}}','{}','{"profile":"standard","profile_version":1,"config":{"network":{"egress_allowed":true,"allowed_hosts":[],"ingress_ports":[8080]},"filesystem":{"read_only_root":true,"allowed_mounts":["/cache","/data"]},"capabilities":{"drop_all":true,"add":["NET_BIND_SERVICE"]},"resources":{"cpu":"0.5","memory":"512m","max_pids":100},"seccomp":"runtime/default","apparmor":"mcp-standard","process":{"run_as_non_root":false,"no_new_privileges":true},"images":{"require_digest":false}},"loosened":[]}','{"pin":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","pin_is_registry_digest":false,"image":{"image_id":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","user":"10001:10001","exposed_ports":[8080],"volumes":[],"entrypoint":["/app/sample-server"],"command":[],"architecture":"amd64","environment":["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin","DOTNET_ROOT=/usr/share/dotnet","DOTNET_EnableDiagnostics=0","DOTNET_TieredPGO=0"]}}','v1:14028019a0b9e2d768d09a27224d1beed09595b6fc1fd1c75d035d28301f1429',NULL,NULL,NULL,1795577528274,'admin',1795577523142,1795577536597);
INSERT INTO "revisions" VALUES('01m88c5rnr7tmfrsrz97mzawtj',1,'admitted','{"source":{"type":"docker","image":"docker.io/mcpruntime/sample-server:latest"},"catalog":{"id":"sample-server","name":"Sample server","description":"A small MCP server in C#. It greets, adds, and tries what the guardrails should stop.","category":"Samples","tags":["sample","csharp"],"deprecated":false,"featured":true,"source":{"type":"docker","image":"mcpruntime/sample-server:latest"},"supported_backends":["docker","kubernetes"],"guardrails_profile":"standard","requires_approval":false,"endpoint_port":8080,"endpoint_path":"/mcp","environment":[],"disable_network":false,"volumes":[],"origin":"file","is_remote":false},"guardrails_profile":"standard","volumes":[],"register_gateway":true,"endpoint_port":8080,"endpoint_path":"/mcp","visibility":"public","tags":[],"metadata":{}}',NULL,'{"profile":"standard","profile_version":1,"config":{"network":{"egress_allowed":true,"allowed_hosts":[],"ingress_ports":[8080]},"filesystem":{"read_only_root":true,"allowed_mounts":["/cache","/data"]},"capabilities":{"drop_all":true,"add":["NET_BIND_SERVICE"]},"resources":{"cpu":"0.5","memory":"512m","max_pids":100},"seccomp":"runtime/default","apparmor":"mcp-standard","process":{"run_as_non_root":false,"no_new_privileges":true},"images":{"require_digest":false}},"loosened":[]}','{"pin":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","pin_is_registry_digest":false,"image":{"image_id":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","user":"10001:10001","exposed_ports":[8080],"volumes":[],"entrypoint":["/app/sample-server"],"command":[],"architecture":"amd64","environment":["PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin","DOTNET_ROOT=/usr/share/dotnet","DOTNET_EnableDiagnostics=0","DOTNET_TieredPGO=0"]}}','v1:8a6be4dfaa7bf7e0f3a627e53e92820ac0d3591ef6bfccb538ce48c883854ceb',NULL,NULL,NULL,NULL,'admin',1795577537208,NULL);
CREATE TABLE routes (
    id TEXT NOT NULL CONSTRAINT "PK_routes" PRIMARY KEY,
    record_id TEXT NOT NULL,
    name TEXT NOT NULL,
    route TEXT NOT NULL
);
INSERT INTO "routes" VALUES('route-01m88c49j9yj581s36tj18je19','01m88c49j9yj581s36tj18je19','serving','{"id":"route-01m88c49j9yj581s36tj18je19","record_id":"01m88c49j9yj581s36tj18je19","name":"serving","address":{"host":"10.201.46.67","port":8080,"scheme":"http"},"instance":"21db88be2caba2a85b30349aae9fe7870710a9b2bd1b942b636a6547a1e12815@2026-11-25T03:32:00.7885209\u002B00:00","path":"/mcp","transport":"STREAMABLEHTTP","visibility":"public","created_by":"admin","tags":["kept"],"tools":["add","allocate_memory","connect","echo","environment_names","exit","fetch","fork","log_lines","raise_privileges","read_file","resolve","use_capability","whoami","write_file"],"registered_at":"2026-11-25T03:31:48.4641234+00:00","fingerprint":"7c28bb83e082fa39238086be8cca0f695137ead77f86f5f99adc720c55751df5"}');
CREATE TABLE runtime_status (
    runtime_id TEXT NOT NULL CONSTRAINT "PK_runtime_status" PRIMARY KEY,
    revision INTEGER NOT NULL,
    observed_generation INTEGER NOT NULL,
    observed_command INTEGER NOT NULL,
    status TEXT NOT NULL,
    conditions TEXT NOT NULL,
    memory TEXT NOT NULL,
    display TEXT NOT NULL,
    error_message TEXT NULL,
    next_turn_at INTEGER NULL,
    lease_epoch INTEGER NOT NULL,
    written_at INTEGER NULL,
    CONSTRAINT "FK_runtime_status_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);
INSERT INTO "runtime_status" VALUES('01m88c49j9yj581s36tj18je19',19,2,0,'connected','[{"type":"accepted","status":"true","reason":"Accepted","message":"The specification was accepted.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:28.9694875+00:00"},{"type":"approved","status":"true","reason":"NotRequired","message":"No approval is needed.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:33.6953813+00:00"},{"type":"resolved","status":"true","reason":"Resolved","message":"Pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:33.6953813+00:00"},{"type":"guardrails_enforced","status":"false","reason":"Weakened","message":"HostPorts: With open egress the server reaches every port that the engine\u0027s host has open. Close egress, or add a host firewall rule for the subnet pool. Metadata: With open egress the server reaches a cloud\u0027s metadata address (169.254.169.254) if the host does. Close egress, or add a host firewall rule for the subnet pool.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:45.5616581+00:00"},{"type":"available","status":"true","reason":"Runs","message":"mcp-36tj18je19-bf451c0d runs.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:45.5616581+00:00"},{"type":"verified","status":"true","reason":"HandshakePassed","message":"mcp-36tj18je19-bf451c0d answered the MCP handshake as sample-server 1.0.0.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:48.2506777+00:00"},{"type":"gateway_registered","status":"true","reason":"Registered","message":"Clients reach it through the gateway.","observed_generation":2,"last_transition_time":"2026-11-25T03:32:03.0962615+00:00"},{"type":"drifted","status":"false","reason":"AsAsked","message":"What runs is what was asked for.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:33.6953813+00:00"},{"type":"tools_drifted","status":"false","reason":"AsFirstSeen","message":"The tool definitions are those first seen of this generation.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:33.6953813+00:00"},{"type":"paused","status":"false","reason":"NotHeld","message":"Nobody holds it.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:33.6953813+00:00"},{"type":"stalled","status":"false","reason":"Progressing","message":"Nothing stands in the way.","observed_generation":2,"last_transition_time":"2026-11-25T03:31:33.6953813+00:00"},{"type":"ready","status":"true","reason":"Ready","message":"What was asked for serves.","observed_generation":2,"last_transition_time":"2026-11-25T03:32:03.0962615+00:00"}]','{"generation":2,"restart_token":0,"failures":0,"attempts":{"(resolve)":{"fingerprint":"","effects":1,"last_at":"2026-11-25T03:31:50.2620553+00:00","differing":0,"failures":0},"mcp-36tj18je19-bf451c0d":{"fingerprint":"bf451c0de16e4e5e89f33f7b0c99172a","effects":1,"last_at":"2026-11-25T03:31:55.5132437+00:00","differing":0,"failures":0},"route-01m88c49j9yj581s36tj18je19":{"fingerprint":"7c28bb83e082fa39238086be8cca0f695137ead77f86f5f99adc720c55751df5","effects":1,"last_at":"2026-11-25T03:32:03.0747019+00:00","differing":0,"failures":0}},"verified":{"mcp-36tj18je19-bf451c0d":"21db88be2caba2a85b30349aae9fe7870710a9b2bd1b942b636a6547a1e12815@2026-11-25T03:32:00.7885209\u002B00:00"},"instances":{"mcp-36tj18je19-bf451c0d":"21db88be2caba2a85b30349aae9fe7870710a9b2bd1b942b636a6547a1e12815@2026-11-25T03:32:00.7885209\u002B00:00"},"restarts":0,"first_put_at":"2026-11-25T03:31:55.5132437+00:00","tools":{"generation":2,"hash":"ee6a08dab6edca678eda27f6edde47bd935fca500137c8930384e1a93117fac7"}}','{"runtime_ref":"mcp-36tj18je19-bf451c0d","endpoint_url":"http://127.0.0.1:18099/mcp/serving","image":"docker.io/mcpruntime/sample-server:latest","image_digest":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","gateway_id":"01m88c49j9yj581s36tj18je19","restarts":0,"server":{"instance":"21db88be2caba2a85b30349aae9fe7870710a9b2bd1b942b636a6547a1e12815@2026-11-25T03:32:00.7885209\u002B00:00","verdict":"passed","failures":0,"at":"2026-11-25T03:32:03.0533072+00:00","message":"MCP 2026-07-28 at /mcp, 15 tools.","server_name":"sample-server","server_version":"1.0.0","protocol_version":"2026-07-28","path":"/mcp","transport":"STREAMABLEHTTP","tools":["add","allocate_memory","connect","echo","environment_names","exit","fetch","fork","log_lines","raise_privileges","read_file","resolve","use_capability","whoami","write_file"],"tools_hash":"ee6a08dab6edca678eda27f6edde47bd935fca500137c8930384e1a93117fac7"},"guardrails_report":[{"control":"egress","outcome":"not_asked","observed":"networks mcp-36tj18je19-net-open; internal=False"},{"control":"allowed_hosts","outcome":"not_asked"},{"control":"ingress","outcome":"enforced","where":"own network, no published ports","observed":"published ports: 0"},{"control":"peers","outcome":"enforced","where":"own network, enable_icc=false","observed":"networks mcp-36tj18je19-net-open; internal=False"},{"control":"host_ports","outcome":"weakened","message":"With open egress the server reaches every port that the engine\u0027s host has open. Close egress, or add a host firewall rule for the subnet pool.","observed":"networks mcp-36tj18je19-net-open; internal=False"},{"control":"metadata","outcome":"weakened","message":"With open egress the server reaches a cloud\u0027s metadata address (169.254.169.254) if the host does. Close egress, or add a host firewall rule for the subnet pool.","observed":"networks mcp-36tj18je19-net-open; internal=False"},{"control":"dns","outcome":"not_asked","observed":"Dns=[]"},{"control":"read_only_root","outcome":"enforced","where":"HostConfig.ReadonlyRootfs, HostConfig.Tmpfs","observed":"ReadonlyRootfs=true"},{"control":"mounts","outcome":"enforced","where":"HostConfig.Mounts: named volumes only","observed":"mounts: "},{"control":"drop_capabilities","outcome":"enforced","where":"HostConfig.CapDrop","observed":"CapDrop=[ALL] Privileged=false"},{"control":"add_capabilities","outcome":"enforced","where":"HostConfig.CapAdd","observed":"CapAdd=[NET_BIND_SERVICE]"},{"control":"cpu","outcome":"enforced","where":"HostConfig.NanoCpus","observed":"NanoCpus=500000000"},{"control":"memory","outcome":"enforced","where":"HostConfig.Memory, HostConfig.MemorySwap","observed":"Memory=536870912 MemorySwap=536870912"},{"control":"pids","outcome":"enforced","where":"HostConfig.PidsLimit","observed":"PidsLimit=100"},{"control":"seccomp","outcome":"enforced","where":"the engine\u0027s default profile","observed":"name=seccomp,profile=default"},{"control":"apparmor","outcome":"unavailable","message":"The engine\u0027s host has no AppArmor.","observed":"no AppArmor on the host"},{"control":"no_new_privileges","outcome":"enforced","where":"HostConfig.SecurityOpt","observed":"SecurityOpt=[no-new-privileges:true]"},{"control":"non_root","outcome":"not_asked","observed":"User=10001:10001"},{"control":"require_digest","outcome":"not_asked","observed":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8"},{"control":"allowed_registries","outcome":"enforced","where":"admission"},{"control":"secrets_at_rest","outcome":"not_asked","message":"Encrypted in the database; the engine keeps a container\u0027s environment readable to the root of its own host."},{"control":"timeout","outcome":"not_asked"},{"control":"scale","outcome":"not_asked"}],"guardrails_warnings":[{"field":"network.egress_allowed","message":"With open egress the server reaches every port that the engine\u0027s host has open. Close egress, or add a host firewall rule for the subnet pool.","backend":"docker","severity":"warning"},{"field":"network.egress_allowed","message":"With open egress the server reaches a cloud\u0027s metadata address (169.254.169.254) if the host does. Close egress, or add a host firewall rule for the subnet pool.","backend":"docker","severity":"warning"}]}',NULL,NULL,1,1795577533304);
INSERT INTO "runtime_status" VALUES('01m88c5ay6mv6jwzj661gw90nm',13,1,1,'stopped','[{"type":"accepted","status":"true","reason":"Accepted","message":"The specification was accepted.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.1422626+00:00"},{"type":"approved","status":"true","reason":"NotRequired","message":"No approval is needed.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.2375336+00:00"},{"type":"resolved","status":"true","reason":"Resolved","message":"Pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.2375336+00:00"},{"type":"guardrails_enforced","status":"unknown","reason":"NotObserved","message":"Nothing runs that it could be read back from.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.8403116+00:00"},{"type":"available","status":"false","reason":"Stopped","message":"It is not asked to run.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.8403116+00:00"},{"type":"verified","status":"false","reason":"NotAvailable","message":"Nothing runs that could be asked.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.8403116+00:00"},{"type":"gateway_registered","status":"false","reason":"NotYet","message":"No route leads to what runs now.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2900769+00:00"},{"type":"drifted","status":"false","reason":"AsAsked","message":"What runs is what was asked for.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.2375336+00:00"},{"type":"tools_drifted","status":"false","reason":"AsFirstSeen","message":"The tool definitions are those first seen of this generation.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.2375336+00:00"},{"type":"paused","status":"false","reason":"NotHeld","message":"Nobody holds it.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.2375336+00:00"},{"type":"stalled","status":"false","reason":"Progressing","message":"Nothing stands in the way.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:03.2375336+00:00"},{"type":"ready","status":"false","reason":"Stop","message":"Next: done.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.1691895+00:00"}]','{"generation":1,"restart_token":0,"failures":0,"attempts":{"(resolve)":{"fingerprint":"","effects":1,"last_at":"2026-11-25T03:32:03.2375336+00:00","differing":0,"failures":0},"image-c8e45265":{"fingerprint":"c8e45265734220d60525e9eb31cff1bf","effects":1,"last_at":"2026-11-25T03:32:08.2741292+00:00","differing":0,"failures":0},"mcp-j661gw90nm-net-open":{"fingerprint":"4674e87544e335b7cd869091ae3bbc6f","effects":1,"last_at":"2026-11-25T03:32:13.2993144+00:00","differing":0,"failures":0}},"verified":{},"instances":{},"restarts":0,"first_put_at":"2026-11-25T03:32:08.2741292+00:00","tools":{"generation":1,"hash":"ee6a08dab6edca678eda27f6edde47bd935fca500137c8930384e1a93117fac7"}}','{"runtime_ref":"mcp-j661gw90nm-f185fd93","image":"docker.io/mcpruntime/sample-server:latest","image_digest":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","restarts":0,"guardrails_report":[{"control":"egress","outcome":"not_asked"},{"control":"allowed_hosts","outcome":"not_asked"},{"control":"ingress","outcome":"enforced","where":"own network, no published ports"},{"control":"peers","outcome":"enforced","where":"own network, enable_icc=false"},{"control":"host_ports","outcome":"weakened","message":"With open egress the server reaches every port that the engine\u0027s host has open. Close egress, or add a host firewall rule for the subnet pool."},{"control":"metadata","outcome":"weakened","message":"With open egress the server reaches a cloud\u0027s metadata address (169.254.169.254) if the host does. Close egress, or add a host firewall rule for the subnet pool."},{"control":"dns","outcome":"not_asked"},{"control":"read_only_root","outcome":"enforced","where":"HostConfig.ReadonlyRootfs, HostConfig.Tmpfs"},{"control":"mounts","outcome":"enforced","where":"HostConfig.Mounts: named volumes only"},{"control":"drop_capabilities","outcome":"enforced","where":"HostConfig.CapDrop"},{"control":"add_capabilities","outcome":"enforced","where":"HostConfig.CapAdd"},{"control":"cpu","outcome":"enforced","where":"HostConfig.NanoCpus"},{"control":"memory","outcome":"enforced","where":"HostConfig.Memory, HostConfig.MemorySwap"},{"control":"pids","outcome":"enforced","where":"HostConfig.PidsLimit"},{"control":"seccomp","outcome":"enforced","where":"the engine\u0027s default profile"},{"control":"apparmor","outcome":"unavailable","message":"The engine\u0027s host has no AppArmor."},{"control":"no_new_privileges","outcome":"enforced","where":"HostConfig.SecurityOpt"},{"control":"non_root","outcome":"not_asked"},{"control":"require_digest","outcome":"not_asked"},{"control":"allowed_registries","outcome":"enforced","where":"admission"},{"control":"secrets_at_rest","outcome":"not_asked","message":"Encrypted in the database; the engine keeps a container\u0027s environment readable to the root of its own host."},{"control":"timeout","outcome":"not_asked"},{"control":"scale","outcome":"not_asked"}],"guardrails_warnings":[{"field":"network.egress_allowed","message":"With open egress the server reaches every port that the engine\u0027s host has open. Close egress, or add a host firewall rule for the subnet pool.","backend":"docker","severity":"warning"},{"field":"network.egress_allowed","message":"With open egress the server reaches a cloud\u0027s metadata address (169.254.169.254) if the host does. Close egress, or add a host firewall rule for the subnet pool.","backend":"docker","severity":"warning"}]}',NULL,NULL,1,1795577537877);
INSERT INTO "runtime_status" VALUES('01m88c5rnr7tmfrsrz97mzawtj',4,1,1,'deleted','[{"type":"accepted","status":"true","reason":"Accepted","message":"The specification was accepted.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2082248+00:00"},{"type":"approved","status":"true","reason":"NotRequired","message":"No approval is needed.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"resolved","status":"true","reason":"Resolved","message":"Pinned to sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"guardrails_enforced","status":"unknown","reason":"NotObserved","message":"Nothing runs that it could be read back from.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"available","status":"false","reason":"Deleted","message":"It is not asked to run.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"verified","status":"false","reason":"NotAvailable","message":"Nothing runs that could be asked.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"gateway_registered","status":"false","reason":"NotYet","message":"No route leads to what runs now.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"drifted","status":"false","reason":"AsAsked","message":"What runs is what was asked for.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"tools_drifted","status":"false","reason":"AsFirstSeen","message":"The tool definitions are those first seen of this generation.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"paused","status":"false","reason":"NotHeld","message":"Nobody holds it.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"stalled","status":"false","reason":"Progressing","message":"Nothing stands in the way.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"},{"type":"ready","status":"false","reason":"Delete","message":"Next: entomb.","observed_generation":1,"last_transition_time":"2026-11-25T03:32:17.2799461+00:00"}]','{"generation":1,"restart_token":0,"failures":0,"attempts":{"(resolve)":{"fingerprint":"","effects":1,"last_at":"2026-11-25T03:32:17.2799461+00:00","differing":0,"failures":0}},"verified":{},"instances":{},"restarts":0,"empty_since":"2026-11-25T03:32:22.3433878+00:00"}','{"image":"docker.io/mcpruntime/sample-server:latest","image_digest":"sha256:a1b44109052b2ad38f9173d276300b1940912d6f47ee67b66a27cf78a38667f8","restarts":0,"guardrails_report":[],"guardrails_warnings":[]}',NULL,NULL,1,1795577543357);
CREATE TABLE runtime_tags (
    runtime_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    CONSTRAINT "PK_runtime_tags" PRIMARY KEY (runtime_id, tag),
    CONSTRAINT "FK_runtime_tags_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);
INSERT INTO "runtime_tags" VALUES('01m88c49j9yj581s36tj18je19','kept');
CREATE TABLE runtimes (
    id TEXT NOT NULL CONSTRAINT "PK_runtimes" PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    backend TEXT NOT NULL,
    asked_generation INTEGER NOT NULL,
    serving_generation INTEGER NULL,
    desired TEXT NOT NULL,
    restart_token INTEGER NOT NULL,
    hold TEXT NULL,
    delete_requested INTEGER NOT NULL,
    keep_volumes INTEGER NOT NULL,
    deleted_at INTEGER NULL,
    command_sequence INTEGER NOT NULL,
    event_sequence INTEGER NOT NULL,
    due_at INTEGER NULL,
    revision INTEGER NOT NULL,
    last_change TEXT NULL,
    visibility TEXT NOT NULL,
    team_id TEXT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
, profile TEXT NULL, profile_version INTEGER NULL);
INSERT INTO "runtimes" VALUES('01m88c49j9yj581s36tj18je19','serving','rest','docker',2,2,'running',0,NULL,0,0,NULL,0,14,NULL,18,'01m88c4xy94j0ttrqewd585y0h','public',NULL,'admin',1795577488969,1795577509833,'standard',1);
INSERT INTO "runtimes" VALUES('01m88c5ay6mv6jwzj661gw90nm','halted','rest','docker',1,1,'stopped',0,NULL,0,0,NULL,1,12,NULL,13,'01m88c5rmcvsqc4pz6z16m16d6','public',NULL,'admin',1795577523142,1795577537164,'standard',1);
INSERT INTO "runtimes" VALUES('01m88c5rnr7tmfrsrz97mzawtj','gone','rest','docker',1,NULL,'running',0,NULL,1,0,1795577543357,1,4,NULL,4,'01m88c5rrkhscmcwmgqm78tgxt','public',NULL,'admin',1795577537208,1795577543357,'standard',1);
CREATE TABLE settings (
    key TEXT NOT NULL CONSTRAINT "PK_settings" PRIMARY KEY,
    value TEXT NOT NULL
);
INSERT INTO "settings" VALUES('master_key_check','f8e85af9eddfaa30b33352056b544b05548deeaeed7e955579ac8f36e97385ef');
INSERT INTO "settings" VALUES('instance_id','01m88c41at018hks5hetdav96k');
INSERT INTO "settings" VALUES('identity:docker','HX52:VFCM:MAI2:XZD3:ZF5Z:OFHU:3XJY:SAE4:FXRF:CDLH:OSJX:XVGJ');
CREATE TABLE tokens (
    id TEXT NOT NULL CONSTRAINT "PK_tokens" PRIMARY KEY,
    hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    roles INTEGER NOT NULL,
    teams TEXT NOT NULL,
    runtime_id TEXT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NULL,
    revoked_at INTEGER NULL
);
INSERT INTO "tokens" VALUES('tok_852b616ae2bc146f','ff9ad1e4e0f134f799252bde77609f933630e125595234fa8f2c6f0e7fd1537e','admin',16,'[]',NULL,1795577481300,NULL,NULL);
CREATE TABLE webhooks (
    id TEXT NOT NULL CONSTRAINT "PK_webhooks" PRIMARY KEY,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX ix_approvals_runtime ON approvals (runtime_id, generation);
CREATE INDEX ix_approvals_status ON approvals (status, expires_at);
CREATE INDEX ix_idempotency_created ON idempotency (created_at);
CREATE INDEX ix_routes_record ON routes (record_id);
CREATE UNIQUE INDEX ux_routes_name ON routes (name);
CREATE INDEX ix_runtime_status_status ON runtime_status (status);
CREATE INDEX ix_runtime_tags_tag ON runtime_tags (tag);
CREATE INDEX ix_runtimes_due ON runtimes (due_at);
CREATE INDEX ix_runtimes_owner ON runtimes (owner, deleted_at);
CREATE UNIQUE INDEX ux_runtimes_live_name ON runtimes (name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ux_tokens_hash ON tokens (hash);
CREATE INDEX ix_approvals_escalate ON approvals (escalate_at);
CREATE INDEX ix_runtimes_profile ON runtimes (profile, profile_version);
CREATE INDEX ix_webhooks_next_try ON webhooks (next_try_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('audit',6);
COMMIT;
