-- The gateway's own database: an owner, who migrates, and a runtime role, which the gateway logs in as.
-- What the runtime role may do in the tables, `weir migrate` grants.

DO $$
BEGIN
  EXECUTE format('CREATE ROLE weir_owner LOGIN PASSWORD %L', trim(E'\n' FROM pg_read_file('/run/secrets/owner_password')));
  EXECUTE format('CREATE ROLE weir_runtime LOGIN PASSWORD %L', trim(E'\n' FROM pg_read_file('/run/secrets/runtime_password')));
END
$$;

ALTER DATABASE weir OWNER TO weir_owner;
REVOKE ALL ON DATABASE weir FROM PUBLIC;
GRANT CONNECT ON DATABASE weir TO weir_runtime;
