-- Meters of tokens are many and short-lived. Two days after the gateway has stopped taking a token nothing can be charged
-- to its meter any more, not even the rest of a long read, and the row may go, with the people that it has met.
ALTER TABLE "weir"."meters" ADD COLUMN "expires_at" bigint;
--> statement-breakpoint
CREATE INDEX "meters_expires_at_idx" ON "weir"."meters" ("expires_at") WHERE "expires_at" IS NOT NULL;
--> statement-breakpoint
-- The runtime role may delete no meter: a gateway that was broken into must not let a person begin anew. It may call
-- this, which takes what has expired and nothing else. Never waits: what a batch has locked stays.
CREATE FUNCTION "weir"."drop_expired_meters"(most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
	WITH expired AS MATERIALIZED (
		SELECT meter_id FROM weir.meters
		 WHERE expires_at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 172800000000
		 ORDER BY expires_at LIMIT most FOR UPDATE SKIP LOCKED
	), met AS (
		DELETE FROM weir.seen AS s USING expired WHERE s.meter_id = expired.meter_id
	), gone AS (
		DELETE FROM weir.meters AS m USING expired WHERE m.meter_id = expired.meter_id RETURNING 1
	)
	SELECT count(*) FROM gone
$$;
