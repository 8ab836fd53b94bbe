CREATE SCHEMA IF NOT EXISTS "weir";
--> statement-breakpoint
CREATE TABLE "weir"."actors" (
	"actor_id" uuid PRIMARY KEY,
	"issuer" text NOT NULL,
	"kind" text NOT NULL CHECK ("kind" IN ('person', 'service')),
	"subject" text NOT NULL,
	"display_name" text,
	"first_seen" timestamp with time zone NOT NULL DEFAULT now(),
	CONSTRAINT "actors_issuer_kind_subject_key" UNIQUE ("issuer", "kind", "subject")
);
--> statement-breakpoint
CREATE TABLE "weir"."entries" (
	"writer" uuid NOT NULL,
	"number" bigint NOT NULL CHECK ("number" > 0),
	"at" bigint NOT NULL,
	"actor_id" uuid,
	"flagged" boolean NOT NULL,
	"body" text NOT NULL CHECK (octet_length("body") <= 65535),
	PRIMARY KEY ("writer", "number")
);
--> statement-breakpoint
CREATE INDEX "entries_at_idx" ON "weir"."entries" ("at");
--> statement-breakpoint
CREATE INDEX "entries_actor_id_at_idx" ON "weir"."entries" ("actor_id", "at");
--> statement-breakpoint
CREATE INDEX "entries_flagged_at_idx" ON "weir"."entries" ("at") WHERE flagged;
--> statement-breakpoint
CREATE TABLE "weir"."read_digests" (
	"writer" uuid NOT NULL,
	"number" bigint NOT NULL,
	"records" bytea NOT NULL,
	"subjects" bytea NOT NULL,
	PRIMARY KEY ("writer", "number")
);
--> statement-breakpoint
ALTER TABLE "weir"."read_digests" ALTER COLUMN "records" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "weir"."read_digests" ALTER COLUMN "subjects" SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE TABLE "weir"."meters" (
	"meter_id" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	"key" text NOT NULL UNIQUE,
	"state" bytea
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
--> statement-breakpoint
CREATE TABLE "weir"."seen" (
	"meter_id" bigint NOT NULL,
	"digest" bigint NOT NULL,
	"day" integer NOT NULL,
	PRIMARY KEY ("meter_id", "digest")
) WITH (fillfactor = 80);
--> statement-breakpoint
CREATE TABLE "weir"."policy_sets" (
	"digest" text PRIMARY KEY,
	"content" text NOT NULL,
	"first_seen" timestamp with time zone NOT NULL DEFAULT now()
);
