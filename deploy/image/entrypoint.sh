#!/usr/bin/env bash
# What a container of the image does, by its first word: driver and executor, as Spark on Kubernetes calls them; submit, as jobs/submit.sh; retune, on
# this machine; anything else is run as it is. Spark's side of it: org.apache.spark.deploy.k8s.Constants.
set -euo pipefail
word=${1:-retune}
[ $# = 0 ] || shift

case $word in
  driver)
    exec "$SPARK_HOME/bin/spark-submit" --deploy-mode client \
      --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
      --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" \
      "$@"
    ;;
  executor)
    # SPARK_JAVA_OPT_0, SPARK_JAVA_OPT_1, ...
    options=()
    for ((n = 0; ; n++)); do
      name=SPARK_JAVA_OPT_$n
      [ -n "${!name+there}" ] || break
      options+=("${!name}")
    done
    exec java "${options[@]}" "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" \
      -cp "${SPARK_CONF_DIR:-$SPARK_HOME/conf}:${SPARK_CLASSPATH:+$SPARK_CLASSPATH:}$SPARK_HOME/jars/*" \
      org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend \
      --driver-url "$SPARK_DRIVER_URL" \
      --executor-id "$SPARK_EXECUTOR_ID" \
      --cores "$SPARK_EXECUTOR_CORES" \
      --app-id "$SPARK_APPLICATION_ID" \
      --hostname "$SPARK_EXECUTOR_POD_IP" \
      --resourceProfileId "$SPARK_RESOURCE_PROFILE_ID" \
      --podName "$SPARK_EXECUTOR_POD_NAME"
    ;;
  submit)
    exec "$RETUNE_HOME/jobs/submit.sh" "$@"
    ;;
  retune)
    export SPARK_SCALA_VERSION=2.13 SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1}
    # shellcheck disable=SC2086 # several options
    exec java "@$RETUNE_HOME/jvm.options" ${RETUNE_JAVA_OPTIONS:--Xmx3g} "-Dretune.home=$RETUNE_HOME" \
      -cp "$RETUNE_JARS/*:$SPARK_HOME/jars/*" io.retune.Retune "$@"
    ;;
  *)
    exec "$word" "$@"
    ;;
esac
