-- Tokens that no longer count, by person, tool or jti, and which of these were lifted again. Rows are never
-- changed: a lift is a row of its own. The runtime role only reads (store/migrate.ts), so that a gateway that was
-- broken into cannot let anybody back in.
CREATE TABLE "weir"."revocations" (
	"revocation_id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	"at" timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
	"made_by" text NOT NULL DEFAULT session_user,
	"reason" text NOT NULL CHECK ("reason" <> ''),
	"lifts" bigint UNIQUE REFERENCES "weir"."revocations" ("revocation_id"),
	"kind" text CHECK ("kind" IN ('person', 'tool', 'jti')),
	"issuer" text,
	"value" text,
	"until" timestamp with time zone,
	CHECK (("lifts" IS NULL) = ("kind" IS NOT NULL)),
	CHECK (("kind" IS NULL) = ("value" IS NULL)),
	CHECK ("lifts" IS NULL OR ("issuer" IS NULL AND "until" IS NULL))
);
--> statement-breakpoint
CREATE TRIGGER "revocations_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."revocations"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."revocations" ENABLE ALWAYS TRIGGER "revocations_append_only";
--> statement-breakpoint
CREATE FUNCTION "weir"."tell_revocations"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_catalog.pg_notify('weir_revocations', '');
	RETURN NULL;
END
$$;
--> statement-breakpoint
CREATE TRIGGER "revocations_told" AFTER INSERT ON "weir"."revocations"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."tell_revocations"();
--> statement-breakpoint
ALTER TABLE "weir"."revocations" ENABLE ALWAYS TRIGGER "revocations_told";
