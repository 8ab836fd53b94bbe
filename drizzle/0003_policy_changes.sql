-- Which policy set replaced which, one row a change: the newest is in force. The number is one more than that
-- of the row it replaces, so of two gateways that change at once one fails and looks again. Digests are those of
-- weir.policy_sets.
CREATE TABLE "weir"."policy_changes" (
	"number" bigint PRIMARY KEY CHECK ("number" > 0),
	"digest" text NOT NULL,
	"replaces" text,
	"reason" text NOT NULL CHECK ("reason" IN ('first', 'tighter', 'approved', 'unchecked')),
	"at" timestamp with time zone NOT NULL DEFAULT now()
);
--> statement-breakpoint
-- Who let a set that shows more take the place of which. The owner's to write: a gateway cannot approve.
CREATE TABLE "weir"."policy_approvals" (
	"approval_id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	"digest" text NOT NULL,
	"replaces" text NOT NULL,
	"change" bigint NOT NULL REFERENCES "weir"."policy_changes" ("number"),
	"approved_by" text NOT NULL,
	"author" text,
	"made_by" text NOT NULL DEFAULT session_user,
	"at" timestamp with time zone NOT NULL DEFAULT now()
);
--> statement-breakpoint
CREATE TRIGGER "policy_changes_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."policy_changes"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."policy_changes" ENABLE ALWAYS TRIGGER "policy_changes_append_only";
--> statement-breakpoint
CREATE TRIGGER "policy_approvals_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."policy_approvals"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."policy_approvals" ENABLE ALWAYS TRIGGER "policy_approvals_append_only";
