-- The log is INSERT and SELECT only, for the owner as well. Statement triggers, because row triggers
-- do not see TRUNCATE; ENABLE ALWAYS, so that session_replication_role does not switch them off.
CREATE FUNCTION "weir"."refuse_change"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'weir.% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = '42501';
END
$$;
--> statement-breakpoint
CREATE TRIGGER "entries_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."entries"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."entries" ENABLE ALWAYS TRIGGER "entries_append_only";
--> statement-breakpoint
CREATE TRIGGER "read_digests_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."read_digests"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."read_digests" ENABLE ALWAYS TRIGGER "read_digests_append_only";
--> statement-breakpoint
CREATE TRIGGER "policy_sets_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "weir"."policy_sets"
	FOR EACH STATEMENT EXECUTE FUNCTION "weir"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "weir"."policy_sets" ENABLE ALWAYS TRIGGER "policy_sets_append_only";
