#!/bin/sh
# Creates the namespace and the typed search attributes that the workflows set. It may run any number of times.
# Needs temporal on PATH, and TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

# What was approved, by whom and on which evidence stays readable for a year.
retention=8760h

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
        echo "the Temporal server at $TEMPORAL_ADDRESS does not answer" >&2
        exit 1
    fi
    sleep 1
done

temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$retention"

# A new namespace reaches the frontend's cache after some seconds.
tries=60
until temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ "$tries" -eq 0 ]; then
        echo "namespace $TEMPORAL_NAMESPACE does not appear" >&2
        exit 1
    fi
    sleep 1
done

have=$(temporal operator search-attribute list --namespace "$TEMPORAL_NAMESPACE")
for attribute in ElaraStage:Keyword ElaraAdapter:Keyword ElaraBaseModel:Keyword ElaraDataset:Keyword ElaraStep:Int ElaraEvalLoss:Double ElaraReward:Double ElaraKL:Double; do
    name=${attribute%%:*} type=${attribute##*:}
    case $have in
    *"$name"*) ;;
    *) temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type "$type" ;;
    esac
done
echo "namespace $TEMPORAL_NAMESPACE is ready"
