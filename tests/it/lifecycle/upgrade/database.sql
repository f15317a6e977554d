BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO _sqlx_migrations VALUES(1,'first','2026-11-30 19:58:23',1,X'da85fc2c40785cb485f60db03c928d465f894113734b1e001e96ed8aa723bb8a51578b3026c5238a3aff9778baf684da',3369665);
INSERT INTO _sqlx_migrations VALUES(2,'hub','2026-11-30 19:58:23',1,X'29df2ede47d69089ae316b664a77e00290c3a9279f6e0278a333201d16f78affb28a82b5e302e01f5ee005f3c9624c47',8575707);
INSERT INTO _sqlx_migrations VALUES(10,'web','2026-11-30 19:58:23',1,X'4935e4031e9130ffc5b5495a5bac7a74565e64aaeaff949cbd77de84479f940cd8ee3192d59786373ed971e4edafe7f2',7100807);
INSERT INTO _sqlx_migrations VALUES(20,'ledger','2026-11-30 19:58:23',1,X'fb265c421cf775d000b903df46d32b7e29319b1099bed0f91d208794d666d91b57fbbcf5c25b3117e76498a5396dc1ed',1808226);
INSERT INTO _sqlx_migrations VALUES(21,'daily quotas','2026-11-30 19:58:23',1,X'87f060d0b58ef81273a1dd3d73d56c254fe24b4b07da18c74f6906b04f9767836c1958e65b3177cf3d07a6d49c549f28',1624002);
INSERT INTO _sqlx_migrations VALUES(22,'volumes','2026-11-30 19:58:23',1,X'660b3cf5d5f33d4de80819322aedf5d82a4ba5d5bbbc421970a6c0923098a0227039e9c38674108dfe46e6e8fdfc2a30',674542);
INSERT INTO _sqlx_migrations VALUES(23,'identities','2026-11-30 19:58:23',1,X'97435a0f6c2a85b3c0a1ca40bcf3a6fb9324f389d2a4918e3383c4ae8993af7d2c5402a0b759c14d8467ed01789caf60',823212);
INSERT INTO _sqlx_migrations VALUES(25,'files','2026-11-30 19:58:23',1,X'e32ac720aa65226f53c9116f673b929ed2c1bf7b67bcb166e20256426005f27dd47e365f454338c2b15ec61364312937',1050340);
INSERT INTO _sqlx_migrations VALUES(27,'usage paged','2026-11-30 19:58:23',1,X'3141867fc5821b187e9e799695c5cca2e5d5792f896dd6f182e5d0c92d4e88f56991cfd7fcb706d0dd9bdb0fdbfa9cfe',597177);
INSERT INTO _sqlx_migrations VALUES(29,'denied repositories','2026-11-30 19:58:23',1,X'9359de22e59edb09896270ba573427aef6247bf397cb3a31a72480e92b891956323e50825a96511a223e5b986dcf0e71',628163);
INSERT INTO _sqlx_migrations VALUES(30,'quotas of models','2026-11-30 19:58:23',1,X'4e5dac6a74b47c0bde0b86486748773e890cee57d912ae3568d7e19abfa3a2768f4a0774ab299cdcad28636f19a445c4',1466878);
CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
, kind TEXT NOT NULL DEFAULT 'user');
INSERT INTO accounts VALUES('01a22e097dee71eb9c5c875211107b5f','admin','admin','operator',1796068703726,'user');
INSERT INTO accounts VALUES('01a22e097f5873088a6aa1bbea300896','alice','alice','user',1796068704088,'user');
INSERT INTO accounts VALUES('01a22e097f8475648e9fc9592cbee205','bob','bob','user',1796068704132,'user');
INSERT INTO accounts VALUES('01a22e097fae75e2a60eec96710ac642','lab','lab','user',1796068704174,'organization');
CREATE TABLE tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT, grants TEXT, last_used_at BIGINT,
    UNIQUE (account_id, name)
);
INSERT INTO tokens VALUES('143f34ecc547db20f54754b89464c2b524b86079364d3e8ec2ff7991c5b75ae5','01a22e097dee71eb9c5c875211107b5f','first-start','write',1796068703728,NULL,NULL,1796068704063);
INSERT INTO tokens VALUES('da06fe0ea477976c3285e1377d217255bf665a3774f49fcf3e2981cd6712e629','01a22e097f5873088a6aa1bbea300896','first','write',1796068704089,NULL,NULL,1796068704220);
INSERT INTO tokens VALUES('757b13c1102863bf23d4e0cc427884262c4ccc7e8bdac32d95345c6130acbbbb','01a22e097f8475648e9fc9592cbee205','first','write',1796068704134,NULL,NULL,1796068704753);
INSERT INTO tokens VALUES('2c71eea01165a3590dd66e93be1d95dd94f0e7c480bc9ad941b671244567cb88','01a22e097f5873088a6aa1bbea300896','ci','fineGrained',1796068705688,NULL,'[{"on":{"repo":"01a22e09-8540-77dd-ab7c-528401f3cf9b"},"write":true}]',1796068705690);
CREATE TABLE spaces (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    subdomain TEXT NOT NULL,
    visibility TEXT NOT NULL,
    desired TEXT NOT NULL,
    generation BIGINT NOT NULL,
    restarts BIGINT NOT NULL,
    head TEXT,
    sdk TEXT,
    hardware TEXT,
    sleep_after_ms BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
, disabled TEXT);
INSERT INTO spaces VALUES('01a22e0982d7742da718a4796afa7e7f','01a22e097f5873088a6aa1bbea300896','meadow','meadow','alice-meadow','public','running',5,1,'b19c0b5af1b5cab70fb4cc00d04468836991527a','static',NULL,172800000,1796068704983,1796068705569,NULL);
INSERT INTO spaces VALUES('01a22e09854077ddab7c528401f3cf9b','01a22e097f5873088a6aa1bbea300896','guest','guest','alice-guest','private','running',6,3,'562eb8877f2158b83e764012c34d0d00dc06b6e3','wasi','cpu-nano',1200000,1796068705600,1796068705791,NULL);
INSERT INTO spaces VALUES('01a22e0986c8774494b2c50feecd14fb','01a22e097fae75e2a60eec96710ac642','clock','clock','lab-clock','public','running',3,0,'d66608c84343fc692bef8e7c62eec74f6dd1e2bc','docker',NULL,172800000,1796068705992,1796068706091,NULL);
INSERT INTO spaces VALUES('01a22e09874a70f6a0cdc29e840598da','01a22e097f8475648e9fc9592cbee205','doubtful','doubtful','bob-doubtful','public','running',4,0,'fd5d9d7d975c35c579081d0b42f6eca4ca6ca1b6','static',NULL,172800000,1796068706122,1796068706250,'it sells');
INSERT INTO spaces VALUES('01a22e098868732e8a234cc32cc7e2e0','01a22e097f8475648e9fc9592cbee205','same-name','same-name','bob-same-name','public','running',2,0,'4c9ddd9d3d12420d35d658e915e89503677f382f',NULL,NULL,172800000,1796068706408,1796068706469,NULL);
INSERT INTO spaces VALUES('01a22e0989347553996f87576c1250d1','01a22e097f5873088a6aa1bbea300896','resting','resting','alice-resting','public','paused',3,0,'45d70e9e29a0126a3d203832898de21c5865aa31',NULL,NULL,172800000,1796068706612,1796068706680,NULL);
INSERT INTO spaces VALUES('01a22e0989a47422a77cee6747774855','01a22e097f8475648e9fc9592cbee205','going','going','bob-going','public','deleted',3,0,'14fadcee711d0f41cb0d46d4466e7875914600be',NULL,NULL,172800000,1796068706724,1796068706769,NULL);
CREATE TABLE builds (
    id TEXT NOT NULL PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    revision TEXT NOT NULL,
    state TEXT NOT NULL,
    cached TEXT NOT NULL,
    tries BIGINT NOT NULL,
    artifact TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (space_id, generation)
);
INSERT INTO builds VALUES('01a22e09838775928b949c0f888af175','01a22e0982d7742da718a4796afa7e7f',3,'02b120eaa02b49076f445c220b8731f35b13627e','succeeded','yes',0,'{"kind":{"kind":"site","digest":"e45350a68a36c8033bb2d9121d3ed2bb60b781c9","app_file":"index.html"},"settings":{"instance_reuse":false,"request_timeout":null,"egress":[],"internet":false,"startup_timeout":null,"storage_bytes":null,"repositories":[]}}',NULL,1796068705159,1796068705264);
INSERT INTO builds VALUES('01a22e0984927744aa020a5bf2f58fac','01a22e0982d7742da718a4796afa7e7f',4,'b19c0b5af1b5cab70fb4cc00d04468836991527a','succeeded','yes',0,'{"kind":{"kind":"site","digest":"10a9cdcbb55a0039ee819dee8b30c833e61d2dab","app_file":"index.html"},"settings":{"instance_reuse":false,"request_timeout":null,"egress":[],"internet":false,"startup_timeout":null,"storage_bytes":null,"repositories":[]}}',NULL,1796068705426,1796068705462);
INSERT INTO builds VALUES('01a22e0985ff714f8ac2bd4603cc0410','01a22e09854077ddab7c528401f3cf9b',6,'562eb8877f2158b83e764012c34d0d00dc06b6e3','succeeded','yes',0,'{"kind":{"kind":"component","digest":"690b73fa18ceb11d5c6733b79766721b881106f5ff2f1baef0707e85faeb623b","world":"http"},"settings":{"instance_reuse":false,"request_timeout":null,"egress":[],"internet":false,"startup_timeout":null,"storage_bytes":null,"repositories":[{"kind":"model","name":"alice/hidden","revision":null}]}}',NULL,1796068705791,1796068705912);
INSERT INTO builds VALUES('01a22e09872b76f28a431d67cb4bcacd','01a22e0986c8774494b2c50feecd14fb',3,'d66608c84343fc692bef8e7c62eec74f6dd1e2bc','failed','yes',1,NULL,'{"fault":"noappfile","message":"There is no file `Dockerfile` in this revision; it is the app file of `sdk: docker` unless README.md names another (`app_file: PATH`)."}',1796068706091,1796068706115);
INSERT INTO builds VALUES('01a22e0987ca771b82eb2ec456d03074','01a22e09874a70f6a0cdc29e840598da',3,'fd5d9d7d975c35c579081d0b42f6eca4ca6ca1b6','succeeded','yes',0,'{"kind":{"kind":"site","digest":"071a541f280f9c6f4d3c7b6589aa078300277b1d","app_file":"index.html"},"settings":{"instance_reuse":false,"request_timeout":null,"egress":[],"internet":false,"startup_timeout":null,"storage_bytes":null,"repositories":[]}}',NULL,1796068706250,1796068706284);
CREATE TABLE secrets (
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    description TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (space_id, name)
);
INSERT INTO secrets VALUES('01a22e09854077ddab7c528401f3cf9b','PASSWORD','x1:wbCw2gYwH7EWL6egGwhgTx35JsoY21guHOA0dUQeTA6k7VRFrreHIByinoV6+S0wPVf+','of the cave',1796068705669);
CREATE TABLE variables (
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    description TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (space_id, name)
);
INSERT INTO variables VALUES('01a22e09854077ddab7c528401f3cf9b','COLOUR','green',NULL,1796068705671);
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_id TEXT,
    action TEXT NOT NULL,
    space_id TEXT,
    detail TEXT NOT NULL
);
INSERT INTO events VALUES('01a22e097dee71eb9c5c8753dc2ed81d',1796068703726,NULL,'account.create',NULL,'admin');
INSERT INTO events VALUES('01a22e097f5873088a6aa1bca60df52c',1796068704088,'01a22e097dee71eb9c5c875211107b5f','account.create',NULL,'alice');
INSERT INTO events VALUES('01a22e097f8576f6acf429084b929c5c',1796068704133,'01a22e097dee71eb9c5c875211107b5f','account.create',NULL,'bob');
INSERT INTO events VALUES('01a22e097fae75e2a60eec97ee96a7f0',1796068704174,'01a22e097dee71eb9c5c875211107b5f','account.create',NULL,'lab, an organisation of alice');
INSERT INTO events VALUES('01a22e09813474549e1f9b7074faefe4',1796068704564,'01a22e097f5873088a6aa1bbea300896','repository.move',NULL,'model alice/weights -> alice/tiny');
INSERT INTO events VALUES('01a22e09852271158167a8fac6ecede0',1796068705570,'01a22e097f5873088a6aa1bbea300896','space.move','01a22e0982d7742da718a4796afa7e7f','alice/page -> alice/meadow');
INSERT INTO events VALUES('01a22e09891e7270bb97bcc559e31e10',1796068706590,'01a22e097dee71eb9c5c875211107b5f','space.disable','01a22e09874a70f6a0cdc29e840598da','bob/doubtful: it sells');
INSERT INTO events VALUES('01a22e09897873189a6e839cab2afd8d',1796068706680,'01a22e097f5873088a6aa1bbea300896','space.pause','01a22e0989347553996f87576c1250d1','alice/resting');
INSERT INTO events VALUES('01a22e098a167761a6697bef96655ff4',1796068706838,'01a22e097dee71eb9c5c875211107b5f','quota.set',NULL,'alice: defaults -> models=7');
CREATE TABLE repositories (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    visibility TEXT NOT NULL,
    head TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (owner_id, kind, name_key)
);
INSERT INTO repositories VALUES('01a22e097ff072ba86e602d672ea3171','model','01a22e097f5873088a6aa1bbea300896','tiny','tiny','public','e289442b2b7b047f58cc3162e98b4395c33a5cc5',1796068704240,1796068704562);
INSERT INTO repositories VALUES('01a22e09815073f6be403bc99dbd046d','model','01a22e097f5873088a6aa1bbea300896','hidden','hidden','private','7be803fce668044242d988d8cefbdb4d4ba2c047',1796068704592,1796068704736);
INSERT INTO repositories VALUES('01a22e09821c72a1b84d23f4bdeb0a63','dataset','01a22e097fae75e2a60eec96710ac642','rows','rows','public','65a8f956401e647cc18ebaa5d4ed6e92a16ad420',1796068704796,1796068704962);
INSERT INTO repositories VALUES('01a22e0988b976c3a9ab4de0bb041872','model','01a22e097f8475648e9fc9592cbee205','same-name','same-name','public','4ed3e5f823dea8fd1769398d5426c50e7228e67e',1796068706489,1796068706533);
CREATE TABLE removals (
    repo_id TEXT NOT NULL PRIMARY KEY
);
INSERT INTO removals VALUES('01a22e0989e4722d8b97b7c2a0afae01');
CREATE TABLE former_names (
    kind TEXT NOT NULL,
    owner_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    PRIMARY KEY (kind, owner_key, name_key)
);
INSERT INTO former_names VALUES('model','alice','weights','01a22e097ff072ba86e602d672ea3171');
INSERT INTO former_names VALUES('space','alice','page','01a22e0982d7742da718a4796afa7e7f');
CREATE TABLE likes (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    repo_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    liked_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, repo_id)
);
INSERT INTO likes VALUES('01a22e097f8475648e9fc9592cbee205','01a22e097ff072ba86e602d672ea3171','model',1796068706555);
INSERT INTO likes VALUES('01a22e097f8475648e9fc9592cbee205','01a22e09821c72a1b84d23f4bdeb0a63','dataset',1796068706559);
INSERT INTO likes VALUES('01a22e097f8475648e9fc9592cbee205','01a22e0982d7742da718a4796afa7e7f','space',1796068706564);
CREATE TABLE members (
    organization_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (organization_id, account_id)
);
INSERT INTO members VALUES('01a22e097fae75e2a60eec96710ac642','01a22e097f5873088a6aa1bbea300896','admin');
INSERT INTO members VALUES('01a22e097fae75e2a60eec96710ac642','01a22e097f8475648e9fc9592cbee205','contributor');
CREATE TABLE creators (
    repo_id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
);
INSERT INTO creators VALUES('01a22e09821c72a1b84d23f4bdeb0a63','01a22e097f8475648e9fc9592cbee205');
INSERT INTO creators VALUES('01a22e0986c8774494b2c50feecd14fb','01a22e097f8475648e9fc9592cbee205');
CREATE TABLE passwords (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE TABLE sessions (
    hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO sessions VALUES('5969196db3d74c277ed740fd0f4461fa238eb42fc95b9963516a77595524ead0','01a22e097f8475648e9fc9592cbee205',1796068706568,1798660706568);
CREATE TABLE showcase (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    head TEXT NOT NULL,
    visibility TEXT NOT NULL,
    sdk TEXT NOT NULL,
    title TEXT NOT NULL,
    emoji TEXT NOT NULL,
    color_from TEXT NOT NULL,
    color_to TEXT NOT NULL,
    description TEXT NOT NULL,
    words TEXT NOT NULL,
    likes BIGINT NOT NULL,
    trending BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO showcase VALUES('01a22e0982d7742da718a4796afa7e7f','b19c0b5af1b5cab70fb4cc00d04468836991527a','public','static','A meadow','🌱','green','blue','','alice/meadow a meadow  plants',1,1796327906564,1796068704983);
INSERT INTO showcase VALUES('01a22e0986c8774494b2c50feecd14fb','d66608c84343fc692bef8e7c62eec74f6dd1e2bc','public','docker','clock','🌱','green','blue','','lab/clock clock  ',0,1796068705992,1796068705992);
INSERT INTO showcase VALUES('01a22e09874a70f6a0cdc29e840598da','fd5d9d7d975c35c579081d0b42f6eca4ca6ca1b6','public','static','Doubtful','🌱','green','blue','','bob/doubtful doubtful  ',0,1796068706122,1796068706122);
INSERT INTO showcase VALUES('01a22e098868732e8a234cc32cc7e2e0','4c9ddd9d3d12420d35d658e915e89503677f382f','public','','Same Name','🌱','green','blue','','bob/same-name same name  ',0,1796068706408,1796068706408);
INSERT INTO showcase VALUES('01a22e0989347553996f87576c1250d1','45d70e9e29a0126a3d203832898de21c5865aa31','public','','Resting','🌱','green','blue','','alice/resting resting  ',0,1796068706612,1796068706612);
CREATE TABLE showcase_tags (
    space_id TEXT NOT NULL REFERENCES showcase (space_id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (tag, space_id)
);
INSERT INTO showcase_tags VALUES('01a22e0982d7742da718a4796afa7e7f','plants');
CREATE TABLE reports (
    id TEXT NOT NULL PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    reporter_id TEXT,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);
INSERT INTO reports VALUES('01a22e098919757791723484e1bfcc39','01a22e0982d7742da718a4796afa7e7f',NULL,'the flowers wilt',1796068706585);
CREATE TABLE answers (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    answer TEXT NOT NULL,
    at BIGINT NOT NULL
);
INSERT INTO answers VALUES('01a22e09874a70f6a0cdc29e840598da','it gives away',1796068706596);
CREATE TABLE quotas (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    spaces BIGINT,
    instances BIGINT,
    cpu_millis BIGINT,
    memory_bytes BIGINT,
    disk_bytes BIGINT,
    builds BIGINT,
    cpu_seconds_per_day BIGINT,
    updated_at BIGINT NOT NULL
, build_minutes_per_day BIGINT, egress_bytes_per_day BIGINT, disk_files BIGINT, models BIGINT, datasets BIGINT);
INSERT INTO quotas VALUES('01a22e097f5873088a6aa1bbea300896',NULL,NULL,NULL,NULL,NULL,NULL,NULL,1796068706838,NULL,NULL,NULL,7,NULL);
CREATE TABLE usage_hours (
    hour BIGINT NOT NULL,
    space_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    cpu_micros BIGINT NOT NULL,
    throttled_micros BIGINT NOT NULL,
    memory_kib_seconds BIGINT NOT NULL,
    requests_1xx BIGINT NOT NULL,
    requests_2xx BIGINT NOT NULL,
    requests_3xx BIGINT NOT NULL,
    requests_4xx BIGINT NOT NULL,
    requests_5xx BIGINT NOT NULL,
    turned_away BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    wakes BIGINT NOT NULL,
    wake_micros BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    builds BIGINT NOT NULL,
    build_millis BIGINT NOT NULL,
    evictions BIGINT NOT NULL,
    PRIMARY KEY (hour, space_id, owner_id)
);
INSERT INTO usage_hours VALUES(498907,'01a22e09854077ddab7c528401f3cf9b','01a22e097f5873088a6aa1bbea300896','alice','alice/guest',0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,88,0);
INSERT INTO usage_hours VALUES(498907,'01a22e0982d7742da718a4796afa7e7f','01a22e097f5873088a6aa1bbea300896','alice','alice/meadow',0,0,0,0,3,0,0,0,0,0,30,0,0,3,2,102,0);
INSERT INTO usage_hours VALUES(498907,'01a22e0986c8774494b2c50feecd14fb','01a22e097fae75e2a60eec96710ac642','lab','lab/clock',0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,0,0);
INSERT INTO usage_hours VALUES(498907,'01a22e09874a70f6a0cdc29e840598da','01a22e097f8475648e9fc9592cbee205','bob','bob/doubtful',0,0,0,0,0,0,0,0,0,0,0,0,0,1,1,15,0);
CREATE TABLE volumes (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    volumes TEXT NOT NULL
);
INSERT INTO volumes VALUES('01a22e09854077ddab7c528401f3cf9b','[{"type":"model","source":"alice/tiny","mountPath":"/weights"}]');
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
CREATE TABLE denied_repositories (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    repositories TEXT NOT NULL
);
INSERT INTO denied_repositories VALUES('01a22e09854077ddab7c528401f3cf9b','[{"kind":"model","name":"alice/hidden","revision":null}]');
CREATE UNIQUE INDEX spaces_subdomain ON spaces (subdomain) WHERE desired <> 'deleted';
CREATE UNIQUE INDEX spaces_name ON spaces (owner_id, name_key) WHERE desired <> 'deleted';
CREATE INDEX spaces_all ON spaces (updated_at, id) WHERE desired <> 'deleted';
CREATE INDEX spaces_seen ON spaces (updated_at, id) WHERE desired <> 'deleted' AND visibility <> 'private';
CREATE INDEX spaces_owned ON spaces (owner_id, updated_at, id) WHERE desired <> 'deleted';
CREATE INDEX spaces_owner ON spaces (owner_id);
CREATE INDEX builds_state ON builds (space_id, state, generation);
CREATE INDEX events_at ON events (at, id);
CREATE INDEX repositories_all ON repositories (kind, updated_at, id);
CREATE INDEX repositories_owned ON repositories (owner_id, kind, updated_at, id);
CREATE INDEX former_names_repo ON former_names (repo_id);
CREATE INDEX likes_repo ON likes (repo_id, liked_at);
CREATE INDEX members_account ON members (account_id);
CREATE INDEX creators_account ON creators (account_id);
CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX showcase_trending ON showcase (trending, space_id);
CREATE INDEX showcase_new ON showcase (created_at, space_id);
CREATE INDEX showcase_likes ON showcase (likes, space_id);
CREATE INDEX showcase_tags_space ON showcase_tags (space_id);
CREATE INDEX reports_at ON reports (at, id);
CREATE INDEX reports_space ON reports (space_id);
CREATE INDEX usage_hours_owner ON usage_hours (owner_id, hour);
CREATE INDEX identities_account ON identities (account_id);
CREATE INDEX usage_hours_space ON usage_hours (space_id, owner_id, hour);
COMMIT;
